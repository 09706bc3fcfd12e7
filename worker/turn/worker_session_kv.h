// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_WORKER_SESSION_KV_H_
#define PINTLE_WORKER_TURN_WORKER_SESSION_KV_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "contract/session_kv.h"
#include "worker/engine/engine_kv.h"
#include "worker/kv/kv_stats.h"
#include "worker/model/seam/decoder.h"
#include "worker/turn/transcript_cache.h"

namespace pintle {

// A worker's sessions as wholes: names transfers, checks what comes in and stages it until all of
// it has come, so that an import takes no block before it is known to be good.
// Thread: safe from any thread; the engine is never called under the lock. Borrows everything it is
// given; must outlive the engine's callbacks.
// Fails: as SessionKvBackend says.
class WorkerSessionKv final : public SessionKvBackend {
 public:
  struct Parts {
    EngineKv* engine = nullptr;
    // EngineApi::QuerySessions of the same engine.
    std::function<absl::Status(std::vector<SessionKey>,
                               absl::AnyInvocable<void(std::vector<kv::KvSessionStats>)>)>
        query_sessions;
    TranscriptCache* transcripts = nullptr;
    const Clock* clock = nullptr;
    KvLayout layout;
    ModelInfo model;
    // 64 random bits; safe from any thread.
    absl::AnyInvocable<std::uint64_t()> random;
  };
  explicit WorkerSessionKv(Parts parts);

  void Update(const SessionKey& key, Epoch epoch, SessionTerms terms, VerdictDone done) override;
  void Fork(const SessionKey& from, const SessionKey& to, Position position, Done done) override;
  void Truncate(const SessionKey& key, Position position, Done done) override;
  void QueryHeld(std::vector<SessionKey> keys, HeldDone done) override;
  void OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) override;
  void Read(KvTransferId transfer, PortionDone done) override;
  void OpenWrite(KvWriting writing, TransferDone done) override;
  void Write(KvTransferId transfer, KvPortion portion, Done done) override;
  void FinishWrite(KvTransferId transfer, TokensDone done) override;
  void Close(KvTransferId transfer) override;

  const KvShape& shape() const { return shape_; }

 private:
  struct Reading {
    std::uint64_t number = 0;
    Position tokens = 0;
    Position next = 0;
    absl::Duration used;
  };
  struct Writing {
    KvWriting writing;
    std::vector<KvPortion> portions;  // those that were staged
    Position next = 0;                // after all that came
    std::int64_t staged_bytes = 0;
    bool full = false;
    absl::Duration used;
  };

  KvTransferId FreshId() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Forgets transfers nobody went on with.
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Stage(Writing& writing, KvPortion portion) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::int32_t PortionTokens(Position first, Position end) const;

  Parts parts_;
  const KvShape shape_;
  // Guards the rest.
  absl::Mutex mutex_;
  std::map<KvTransferId, Reading> readings_ ABSL_GUARDED_BY(mutex_);
  std::map<KvTransferId, Writing> writings_ ABSL_GUARDED_BY(mutex_);
  std::int64_t staged_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_WORKER_SESSION_KV_H_

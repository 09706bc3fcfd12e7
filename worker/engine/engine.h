// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_H_
#define PINTLE_WORKER_ENGINE_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "worker/engine/cache_event_feed.h"
#include "worker/engine/cache_watch.h"
#include "worker/engine/engine_api.h"
#include "worker/engine/engine_kv.h"
#include "worker/engine/engine_loop.h"
#include "worker/engine/engine_options.h"
#include "worker/engine/tier_link.h"
#include "worker/engine/turn_mailbox.h"
#include "worker/engine/turn_table.h"
#include "worker/kv/kv_cache.h"
#include "worker/model/seam/decoder.h"
#include "worker/scheduler/scheduler.h"

namespace pintle {

// Runs the turns of one model: one scheduler, one KV cache, one decoder, one thread.
// Thread: EngineApi, Drain and AwaitIdle from any thread; Start, Stop and destruction from its
// owner. RunOnce stands in for the thread in tests: never both.
// Owns all of it; borrows the clock. Sinks are pushed to from the engine thread, and from Stop.
// Fails: as EngineApi says; a broken step ends the turns in it and the engine goes on.
class Engine final : public EngineApi, public EngineKv {
 public:
  // The decoder's KV must be allocated. Errors: INVALID_FIELD.
  static absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options,
                                                        std::unique_ptr<Decoder> decoder,
                                                        const Clock& clock, EngineTier tier = {});
  ~Engine() override;

  void Start();
  // One round on the caller's thread; false when nothing is to be done before a message, a Wake or
  // a timer.
  bool RunOnce();
  // Takes no more turns; ends those that never started, and after `grace` all others, DRAINING.
  void Drain(absl::Duration grace);
  // Whether every turn has ended; waits up to `timeout` for it.
  bool AwaitIdle(absl::Duration timeout);
  // Ends the thread and then whatever still lives, DRAINING. Everything submitted later is refused.
  void Stop();
  // After Stop: keeps in the tier below what sessions hold on the device, as far as it can until
  // `timeout` is over. Nothing without such a tier.
  void SaveTier(absl::Duration timeout,
                absl::FunctionRef<void(std::int64_t written, std::int64_t total)> progress);

  absl::StatusOr<TurnId> Submit(EngineTurn turn) override;
  void StopChoice(TurnId turn, std::int32_t choice) override;
  void Commit(TurnId turn, EngineCommit commit) override;
  void Cancel(TurnId turn, absl::Status why) override;
  void Wake() override;
  void DropSession(const SessionKey& key) override;
  EngineSnapshot Snapshot() const override;
  absl::Status QuerySessions(
      std::vector<SessionKey> keys,
      absl::AnyInvocable<void(std::vector<kv::KvSessionStats>)> done) override;
  absl::Status SetPin(SessionKey key, std::optional<Pin> pin, absl::Duration lease,
                      absl::AnyInvocable<void(PinAnswer)> done) override;

  absl::Status QueryTenants(absl::AnyInvocable<void(std::vector<kv::KvTenantStats>)> done) override;
  absl::Status ExplainEviction(std::int64_t tokens,
                               absl::AnyInvocable<void(EvictionExplanation)> done) override;
  absl::Status SetPolicy(std::string name,
                         absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override;
  // What happens in the cache, for any number of readers; ends when the engine stops.
  const CacheEventFeed& events() const { return feed_; }

  void UpdateSession(const SessionKey& key, SessionTerms terms, VerdictDone done) override;
  void ForkSession(const SessionKey& from, const SessionKey& to, Position tokens,
                   EngineKv::Done done) override;
  void TruncateSession(const SessionKey& key, Position tokens, EngineKv::Done done) override;
  void OpenReading(const SessionKey& key, Position tokens_max, ReadingDone done) override;
  void ReadPositions(std::uint64_t reading, Position first, std::int32_t count,
                     BytesDone done) override;
  void CloseReading(std::uint64_t reading) override;
  void Import(EngineImport import, TokensDone done) override;

  // For tests and for what runs on the engine thread.
  const kv::KvCache& cache() const { return *cache_; }
  TierLink* tier() { return tier_.get(); }
  Decoder& decoder() { return *decoder_; }

 private:
  Engine(const EngineOptions& options, std::unique_ptr<Decoder> decoder,
         std::unique_ptr<kv::KvCache> cache, const Clock& clock, EngineTier tier);

  void Run();
  // With `flush` events also tell of blocks that still grow.
  void Publish(bool flush);
  absl::Status Check(const EngineTurn& turn) const;

  const Clock& clock_;
  const std::unique_ptr<Decoder> decoder_;
  const DecoderLimits limits_;
  const Scheduler scheduler_;
  const std::unique_ptr<kv::KvCache> cache_;
  CacheWatch watch_;
  CacheEventFeed feed_;
  absl::Duration flushed_at_ = absl::ZeroDuration();
  TurnMailbox mailbox_;
  TurnTable table_;
  const std::unique_ptr<TierLink> tier_;  // null without a tier below the device
  EngineLoop loop_;
  const std::function<void()> delivered_;
  // Guards the published figures only.
  mutable absl::Mutex snapshot_mutex_;
  EngineSnapshot snapshot_ ABSL_GUARDED_BY(snapshot_mutex_);
  std::thread thread_;
  bool stopped_ = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_SESSION_KV_H_
#define PINTLE_CONTRACT_SESSION_KV_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/pin.h"

namespace pintle {

// What KV must have in common to be moved from one worker to another. The fingerprint covers the
// model's configuration (rope and all), its tokenizer, its weights and their dtype.
struct KvShape {
  std::string fingerprint;
  std::string dtype;
  std::int32_t layers = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  std::int32_t element_bytes = 0;

  std::int64_t BytesPerToken() const {
    return std::int64_t{2} * layers * kv_heads * head_dim * element_bytes;
  }
  friend bool operator==(const KvShape&, const KvShape&) = default;
};

// K and V of consecutive positions in the neutral layout of Decoder::ExportBlock.
struct KvPortion {
  Position first = 0;
  std::int32_t tokens = 0;
  std::string data;
  std::uint64_t checksum = 0;  // of `data`
};

// Names a read or a write under way at one worker; random, 0 is none.
using KvTransferId = std::uint64_t;

// A session's KV as a worker offers to read it: fixed from now on, whatever the session does.
struct KvReading {
  KvTransferId transfer = 0;
  KvShape shape;
  Position tokens = 0;
  // TranscriptDigest's chain over the tokens it was computed for.
  std::uint64_t digest = 0;
};

// KV on its way into a session.
struct KvWriting {
  SessionKey key;
  KvShape shape;
  // Those the KV was computed for, from position 0.
  std::vector<TokenId> tokens;
  // The source is the cluster itself: others of the tenant may find the blocks, too.
  bool trusted = false;
};

// What may be done with a session's KV at one worker between its turns.
// Thread: safe from any thread; never waits. Each callback is called once, on any thread, possibly
// before the call returns.
// Fails: WORKER_LOST where the worker cannot be reached; the rest as each method says. A transfer
// nobody goes on with ends by itself after limits::kTransferIdle.
class SessionKvBackend {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using ReadingDone = absl::AnyInvocable<void(absl::StatusOr<KvReading>)>;
  using PortionDone = absl::AnyInvocable<void(absl::StatusOr<KvPortion>)>;
  using TransferDone = absl::AnyInvocable<void(absl::StatusOr<KvTransferId>)>;
  using TokensDone = absl::AnyInvocable<void(absl::StatusOr<Position>)>;
  using VerdictDone = absl::AnyInvocable<void(absl::StatusOr<PinVerdict>)>;
  using HeldDone = absl::AnyInvocable<void(const absl::StatusOr<std::vector<std::int64_t>>&)>;

  virtual ~SessionKvBackend() = default;

  // Pins the session, known or not, renews its lease and takes news of its return, between turns or
  // while one runs. STALE_EPOCH when a newer binding is known; PIN_BUDGET, TENANT_QUOTA,
  // SESSIONS_MAX, QUEUE_FULL: nothing changed. Never answers kRejected.
  virtual void Update(const SessionKey& key, Epoch epoch, SessionTerms terms,
                      VerdictDone done) = 0;

  // `to` holds what `from` held after its last turn, up to the position. SESSION_BUSY;
  // SESSIONS_MAX.
  virtual void Fork(const SessionKey& from, const SessionKey& to, Position position, Done done) = 0;
  // SESSION_BUSY while a turn runs.
  virtual void Truncate(const SessionKey& key, Position position, Done done) = 0;

  // Tokens that each of the sessions holds now in any tier, in the order of the keys; 0 for those
  // nothing is known of. QUEUE_FULL.
  virtual void QueryHeld(std::vector<SessionKey> keys, HeldDone done) = 0;

  // At most `tokens_max` positions; none of an unknown session. QUEUE_FULL with too many transfers.
  virtual void OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) = 0;
  // The next portion, in order. INVALID_FIELD after the last one, or for an unknown transfer.
  virtual void Read(KvTransferId transfer, PortionDone done) = 0;

  // FINGERPRINT_MISMATCH when the shape is not the worker's; INVALID_FIELD for tokens that no
  // session here could have; QUEUE_FULL with too many transfers.
  virtual void OpenWrite(KvWriting writing, TransferDone done) = 0;
  // INVALID_FIELD for a portion that is not the next one or does not agree with its checksum.
  virtual void Write(KvTransferId transfer, KvPortion portion, Done done) = 0;
  // All portions came: the session holds them now, instead of anything before. Answers how many
  // positions found room. INVALID_FIELD when portions are missing; SESSION_BUSY.
  virtual void FinishWrite(KvTransferId transfer, TokensDone done) = 0;

  // Ends a transfer early; what was written is forgotten. Unknown ones are ignored.
  virtual void Close(KvTransferId transfer) = 0;
};

// A worker process that holds sessions' KV.
struct SessionHome {
  WorkerId worker;
  Incarnation incarnation = 0;
};

// Finds the worker process a binding names; nullptr when it is gone.
// Thread: safe from any thread.
class SessionKvDirectory {
 public:
  virtual ~SessionKvDirectory() = default;
  virtual std::shared_ptr<SessionKvBackend> KvOf(const WorkerId& worker,
                                                 Incarnation incarnation) = 0;
  // Where every session of this process lives; incarnation 0 where each is placed at its turn.
  virtual SessionHome Home() const { return {}; }
  // Whichever process has the worker's name now.
  virtual std::shared_ptr<SessionKvBackend> KvOfName(const WorkerId& worker) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_SESSION_KV_H_

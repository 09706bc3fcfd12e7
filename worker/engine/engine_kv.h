// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_KV_H_
#define PINTLE_WORKER_ENGINE_ENGINE_KV_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "contract/session_kv.h"

namespace pintle {

// A session's blocks kept in place for reading.
struct EngineReading {
  std::uint64_t number = 0;
  std::vector<TokenId> tokens;
};

struct EngineImport {
  SessionKey key;
  std::vector<TokenId> tokens;      // of the portions' positions, at least
  std::vector<KvPortion> portions;  // contiguous from position 0
  std::uint64_t secret = 0;         // see KvCache::BeginImport
};

// What a worker may ask of its engine for sessions as wholes. Each is done between two steps, an
// import over several rounds, so that no running stream waits for it.
// Thread: safe from any thread; never waits. Each callback is called once: from the engine thread,
// or at once with an error. Errors beside those of KvCache: QUEUE_FULL, DRAINING.
class EngineKv {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using ReadingDone = absl::AnyInvocable<void(absl::StatusOr<EngineReading>)>;
  using BytesDone = absl::AnyInvocable<void(absl::StatusOr<std::string>)>;
  using TokensDone = absl::AnyInvocable<void(absl::StatusOr<Position>)>;
  using VerdictDone = absl::AnyInvocable<void(absl::StatusOr<PinVerdict>)>;

  virtual ~EngineKv() = default;

  // EngineApi::SetPin with news of the session's return. A turn of it that waits takes this pin
  // instead of its own. A refused pin is answered with its reason and changes nothing.
  virtual void UpdateSession(const SessionKey& key, SessionTerms terms, VerdictDone done) = 0;
  // Comes after every turn submitted before, and before every later one.
  virtual void ForkSession(const SessionKey& from, const SessionKey& to, Position tokens,
                           Done done) = 0;
  virtual void TruncateSession(const SessionKey& key, Position tokens, Done done) = 0;
  // What lies in a lower tier is read back first, as far as it is whole and the pool has room; from
  // where that ends on the reading has no positions.
  virtual void OpenReading(const SessionKey& key, Position tokens_max, ReadingDone done) = 0;
  // `count` positions in the neutral layout. INVALID_FIELD when they are not read here.
  virtual void ReadPositions(std::uint64_t reading, Position first, std::int32_t count,
                             BytesDone done) = 0;
  virtual void CloseReading(std::uint64_t reading) = 0;
  // Answers how many positions found room.
  virtual void Import(EngineImport import, TokensDone done) = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_KV_H_

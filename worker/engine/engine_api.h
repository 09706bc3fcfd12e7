// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_API_H_
#define PINTLE_WORKER_ENGINE_ENGINE_API_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "contract/eviction_explanation.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "worker/engine/engine_snapshot.h"
#include "worker/engine/engine_turn.h"
#include "worker/kv/kv_stats.h"

namespace pintle {

// What the rest of a worker may ask of its engine. Implemented by Engine; small so that tests of
// the turn room can stand in for it.
// Thread: all methods are safe from any thread and never wait for the engine thread, except those
// that say so.
class EngineApi {
 public:
  virtual ~EngineApi() = default;

  // Queues a turn. Events go to turn.sink, ending with exactly one EngineEnded. Errors (nothing is
  // queued then): QUEUE_FULL, DRAINING, SESSION_BUSY, PROMPT_TOO_LONG (the prompt and one token
  // more exceed the context, or the pool less two blocks kept for a copied tail and growth),
  // INVALID_FIELD (empty prompt, a token outside the vocabulary, n).
  virtual absl::StatusOr<TurnId> Submit(EngineTurn turn) = 0;
  // Ends one choice: a stop string was found in its text. No further tokens of it are made; ones
  // already under way are dropped. Unknown ids are ignored (the turn may have ended).
  virtual void StopChoice(TurnId turn, std::int32_t choice) = 0;
  // Makes the turn part of its session and ends it with EngineEnded{OK}. Legal at any time; choices
  // still running are dropped.
  virtual void Commit(TurnId turn, EngineCommit commit) = 0;
  // Rolls the turn back and ends it with EngineEnded{why}. Within one step all its blocks are free
  // or back with its session.
  virtual void Cancel(TurnId turn, absl::Status why) = 0;
  // A sink is no longer paused, or time moved in a test.
  virtual void Wake() = 0;
  // Forgets a session's KV (SESSION_DELETED); a running turn of it is cancelled with
  // SESSION_DELETED.
  virtual void DropSession(const SessionKey& key) = 0;
  // The last published figures; at most one step old.
  virtual EngineSnapshot Snapshot() const = 0;
  // Calls `done` once, from the engine thread between two steps (or at once when the engine has
  // stopped), with the figures of those sessions that the cache knows. Errors (`done` is not called
  // then): QUEUE_FULL.
  virtual absl::Status QuerySessions(
      std::vector<SessionKey> keys,
      absl::AnyInvocable<void(std::vector<kv::KvSessionStats>)> done) = 0;
  // Calls `done` once, from the engine thread between two steps, with the tenants that hold KV.
  // Errors (`done` is not called then): QUEUE_FULL, DRAINING.
  virtual absl::Status QueryTenants(
      absl::AnyInvocable<void(std::vector<kv::KvTenantStats>)> done) = 0;
  // Calls `done` once, from the engine thread between two steps, with what would be evicted so that
  // `tokens` more fit, rounded up to blocks. Nothing changes. Errors (`done` is not called then):
  // INVALID_FIELD, QUEUE_FULL, DRAINING.
  virtual absl::Status ExplainEviction(std::int64_t tokens,
                                       absl::AnyInvocable<void(EvictionExplanation)> done) = 0;
  // Calls `done` once, from the engine thread between two steps, with the name of the policy that
  // was replaced, or INVALID_FIELD for an unknown name. Errors (`done` is not called then):
  // QUEUE_FULL, DRAINING.
  virtual absl::Status SetPolicy(std::string name,
                                 absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) = 0;
  // Pins a session, known or not, like that from now on, or renews its pin when none is given.
  // Calls `done` once as QuerySessions does; a stopped engine answers kMissing. Errors (`done` is
  // not called then): QUEUE_FULL.
  virtual absl::Status SetPin(SessionKey key, std::optional<Pin> pin, absl::Duration lease,
                              absl::AnyInvocable<void(PinAnswer)> done) = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_API_H_

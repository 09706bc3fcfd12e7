// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_TURN_FRONT_H_
#define PINTLE_SESSIONS_TURN_FRONT_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "contract/generation.h"
#include "contract/ids.h"
#include "contract/turn.h"
#include "contract/turn_placer.h"
#include "sessions/running_turns.h"
#include "sessions/session_store.h"
#include "sessions/turn_admission.h"

namespace pintle {

// What stands behind Inference.Generate and CancelGenerate, on a coordinator and on a stand-alone
// worker alike: checks a request, begins the session's turn, places it, and hands out a stream that
// commits or rolls back the turn in the store.
// Thread: safe from any thread; never waits for a model. Streams may be pulled by any one thread
// each. Borrows everything it is given; must outlive its streams.
// Fails: as Inference.Generate says. What a stream's TurnFailed carries is for the client as it is.
class TurnFront {
 public:
  // `admission` may be null: everybody is admitted.
  TurnFront(SessionStore& store, TurnPlacer& placer, TurnAdmission* admission, const Clock& clock);
  ~TurnFront();
  TurnFront(const TurnFront&) = delete;
  TurnFront& operator=(const TurnFront&) = delete;

  // Starts a turn. The stream hides TurnPrepared; all other events pass, and by the time
  // TurnFinished is handed out the turn is committed. Destroying the stream rolls the turn back.
  absl::StatusOr<std::unique_ptr<TurnStream>> Generate(const TenantId& tenant,
                                                       GenerationRequest request,
                                                       absl::Duration deadline);

  // Asks the tenant's running turn of this session or request id (or both) to end. False when no
  // such turn runs. INVALID_FIELD when neither is given.
  absl::StatusOr<bool> CancelGenerate(const TenantId& tenant, const SessionId& session,
                                      const RequestId& request, CancelMode mode);

  // Removes the session from the store, cancels its turn with SESSION_DELETED and drops its KV.
  // Returns what it was.
  absl::StatusOr<StoredSession> DeleteSession(const SessionKey& key);
  // Removes the sessions whose TTL is over, KV included; call it now and then. Returns how many.
  std::size_t ExpireIdle();

  // Turns whose stream lives.
  std::size_t running() const { return running_.size(); }

 private:
  void DropKv(const StoredSession& session);

  SessionStore& store_;
  TurnPlacer& placer_;
  TurnAdmission* const admission_;
  const Clock& clock_;
  RunningTurns running_;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_TURN_FRONT_H_

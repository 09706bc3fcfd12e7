// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_FRONT_H_
#define PINTLE_SESSIONS_SESSION_FRONT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "contract/ids.h"
#include "contract/turn_placer.h"
#include "sessions/session_store.h"
#include "sessions/turn_front.h"

namespace pintle {

// A session as a client sees it.
struct SessionView {
  // Its pin is the one that holds now.
  StoredSession session;
  SessionState state = SessionState::kCold;
  std::optional<std::int64_t> held_tokens;  // in any tier; unknown until the worker was asked
  absl::Time lease_expires = absl::UnixEpoch();
  // Unset: nothing was said.
  std::optional<absl::Time> expected_return = std::nullopt;
};

struct SessionViewPage {
  std::vector<SessionView> sessions;
  std::string next_page_token;
};

// What stands behind the Sessions service on a coordinator and on a stand-alone worker.
// Thread: safe from any thread. Borrows everything it is given.
// Fails: as the Sessions service says; INVALID_FIELD names the request's field.
class SessionFront {
 public:
  SessionFront(SessionStore& store, TurnFront& turns, TurnPlacer& placer, const Clock& clock);

  // The model must be served now; empty means the only one. Create and Update know the store alone:
  // what a pin means at a worker is PinFront's.
  absl::StatusOr<SessionView> Create(const TenantId& tenant, NewSession session);
  absl::StatusOr<SessionView> Get(const SessionKey& key) const;
  // `page_size` 0 means limits::kSessionsPageDefault.
  absl::StatusOr<SessionViewPage> List(const TenantId& tenant, std::int32_t page_size,
                                       const std::string& page_token) const;
  absl::StatusOr<SessionView> Update(const SessionKey& key, const SessionChanges& changes);
  absl::Status Delete(const SessionKey& key);
  // The session's worker says what it holds now, in any tier.
  void SetHeld(std::int64_t tokens, SessionView* view) const;

 private:
  SessionView ViewOf(StoredSession session) const;

  SessionStore& store_;
  TurnFront& turns_;
  TurnPlacer& placer_;
  const Clock& clock_;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_FRONT_H_

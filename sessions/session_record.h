// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_RECORD_H_
#define PINTLE_SESSIONS_SESSION_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "contract/pin.h"
#include "contract/session_state.h"
#include "sessions/transcript.h"

namespace pintle {

// Where a session's KV lives. The epoch only rises and fences workers that were bound before.
struct SessionBinding {
  WorkerId worker;
  Incarnation incarnation = 0;  // 0: not bound
  Epoch epoch = 0;
  // Turns of the transcript that the bound worker is known to have.
  std::int32_t synced_turns = 0;

  friend bool operator==(const SessionBinding&, const SessionBinding&) = default;
};

// One turn's right to commit; 0 means that no turn runs. Never reused within a store.
using TurnNumber = std::uint64_t;

// A session as the store holds it. A copy is a snapshot: the transcript is shared and immutable.
struct StoredSession {
  SessionKey key;
  std::string model;
  // Wall time, for clients; never compared with.
  absl::Time created = absl::UnixEpoch();
  absl::Time last_used = absl::UnixEpoch();
  // Frozen at creation: templates that print a date print this one for ever.
  absl::Time template_clock = absl::UnixEpoch();
  // As it was asked for; PinOf says what holds.
  Pin pin;
  absl::Duration lease = limits::kLeaseDefault;
  std::map<std::string, std::string> labels;
  Transcript transcript;
  SessionBinding binding;
  TurnNumber running = 0;
  // On the store's monotonic clock. The lease cannot expire while a turn runs.
  absl::Duration used_at = absl::ZeroDuration();
  absl::Duration lease_expires = absl::ZeroDuration();
  // Since the last turn began. The return is on the store's monotonic clock.
  SessionOutlook outlook = SessionOutlook::kOpen;
  absl::Duration expected_return = absl::InfiniteDuration();
};

// Design section 5. `held_tokens` is the KV held in any tier, nullopt when unknown: then a bound
// session that has turns is taken to hold some.
SessionState StateOf(const StoredSession& session, absl::Duration now,
                     std::optional<std::int64_t> held_tokens);

// The pin that holds now. One whose time has ended holds no more: `guaranteed` ends with the lease,
// `retained` with the last of its TTLs. None ends while a turn runs.
Pin PinOf(const StoredSession& session, absl::Duration now);

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_RECORD_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_HELD_TOKENS_H_
#define PINTLE_SERVICES_SESSIONS_HELD_TOKENS_H_

#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "contract/session_kv.h"
#include "sessions/session_front.h"

namespace pintle {

// How long GetSession and its like wait for a worker to say what sessions hold: it answers between
// two steps, and a caller that looks at sessions is better served with "unknown" than late.
inline constexpr absl::Duration kHeldTokensTime = absl::Seconds(1);

// Asks workers what sessions hold now, so that no answer guesses: each worker once, all at a time,
// and none for longer than a bound. What did not come in time stays unknown.
// Thread: safe from any thread; never waits. Borrows what it is given.
class HeldTokens {
 public:
  using Done = absl::AnyInvocable<void(std::vector<SessionView>)>;

  HeldTokens(const SessionFront& sessions, SessionKvDirectory& directory, absl::Duration bound)
      : sessions_(sessions), directory_(directory), bound_(bound) {}

  // Calls `done` once, on any thread, possibly before the return, with the views made complete.
  void Complete(std::vector<SessionView> views, Done done);

 private:
  const SessionFront& sessions_;
  SessionKvDirectory& directory_;
  const absl::Duration bound_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_HELD_TOKENS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_PIN_FRONT_H_
#define PINTLE_SESSIONS_PIN_FRONT_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "contract/session_kv.h"
#include "sessions/session_front.h"
#include "sessions/session_store.h"

namespace pintle {

// What stands behind CreateSession and UpdateSession: the store is the truth of pins, leases and
// hints, the worker a session is bound to is asked first whether it can bear them.
// Thread: safe from any thread; never waits. Callbacks come once each, on any thread. Borrows
// everything it is given; must outlive the callbacks.
// Fails: as the Sessions service says; a refused pin changes nothing, in the store neither. A
// worker that cannot be asked now gets the pin with the session's next turn.
class PinFront {
 public:
  struct Pinned {
    SessionView view;
    PinVerdict verdict = PinVerdict::kAccepted;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Pinned>)>;

  PinFront(SessionStore& store, SessionFront& sessions, SessionKvDirectory& kv)
      : store_(store), sessions_(sessions), kv_(kv) {}

  void Create(const TenantId& tenant, NewSession session, Done done);
  void Update(const SessionKey& key, SessionChanges changes, Done done);

 private:
  // The worker has answered: the store follows.
  void Apply(const SessionKey& key, const SessionBinding& asked, const SessionChanges& changes,
             absl::StatusOr<PinVerdict> verdict, Done done);
  void Show(const SessionKey& key, PinVerdict verdict, Done done);

  SessionStore& store_;
  SessionFront& sessions_;
  SessionKvDirectory& kv_;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_PIN_FRONT_H_

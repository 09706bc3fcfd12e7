// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_STORE_H_
#define PINTLE_SESSIONS_SESSION_STORE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/session_kv.h"
#include "contract/turn.h"
#include "sessions/session_record.h"

namespace pintle {

// What CreateSession sets. An empty id asks for one of 128 random bits.
struct NewSession {
  SessionId id;
  std::string model;
  Pin pin;
  absl::Duration lease = limits::kLeaseDefault;
  std::map<std::string, std::string> labels;
  // Bound there from the beginning, unless its incarnation is 0.
  SessionHome home = {};
};

// What UpdateSession sets; unset fields stay.
struct SessionChanges {
  std::optional<Pin> pin;
  std::optional<absl::Duration> lease;
  SessionHints hints;
  // Where to bind a session that is not bound, unless its incarnation is 0.
  SessionHome home = {};
};

struct SessionPage {
  std::vector<StoredSession> sessions;
  std::string next_page_token;  // empty on the last page
};

// The right to end one running turn: exactly one of CommitTurn and AbortTurn.
struct TurnTicket {
  SessionKey key;
  TurnNumber number = 0;
};

struct BegunTurn {
  TurnTicket ticket;
  StoredSession session;
};

// The truth about sessions: transcripts, bindings, leases. A restart-proof store implements the
// same interface; tests/conformance/session_store_conformance.h is what each must keep.
// Thread: safe from any thread; each call is atomic. Calls may wait for a disk, never for a model.
// Fails: SESSION_NOT_FOUND wherever a key names no session; field rules are the caller's
// (session_rules.h).
class SessionStore {
 public:
  virtual ~SessionStore() = default;

  // SESSION_EXISTS; SESSIONS_MAX at the store's bound.
  virtual absl::StatusOr<StoredSession> Create(const TenantId& tenant, NewSession session) = 0;
  virtual absl::StatusOr<StoredSession> Get(const SessionKey& key) const = 0;
  // The tenant's sessions ordered by id, at most `page_size` of them. Requires: page_size > 0.
  // INVALID_FIELD for a page_token this kind of store did not give.
  virtual absl::StatusOr<SessionPage> List(const TenantId& tenant, std::size_t page_size,
                                           const std::string& page_token) const = 0;
  // Applies the changes and renews the lease. A pin whose time had ended is gone.
  virtual absl::StatusOr<StoredSession> Update(const SessionKey& key,
                                               const SessionChanges& changes) = 0;
  // Removes it, whatever runs; the running turn's ticket ends void. Returns what it was.
  virtual absl::StatusOr<StoredSession> Delete(const SessionKey& key) = 0;

  // Marks a turn as running and returns the session to run it on. SESSION_BUSY while another runs;
  // POSITION_MISMATCH, with the real position in the metadata, unless it equals `expected`. A pin
  // whose time had ended is gone; the hints are, too.
  virtual absl::StatusOr<BegunTurn> BeginTurn(const SessionKey& key,
                                              std::optional<Position> expected) = 0;
  // Binds the session to a worker process. A changed binding, or `fence`, raises the epoch and
  // forgets what was synced. SESSION_DELETED when the ticket is void.
  virtual absl::StatusOr<SessionBinding> Bind(const TurnTicket& ticket, const WorkerId& worker,
                                              Incarnation incarnation, bool fence) = 0;
  // Appends the turn as Transcript::Commit says, notes the bound worker as synced, restarts the
  // lease. SESSION_DELETED when the ticket is void. On any error nothing is changed, and the turn
  // still runs unless the ticket is void.
  virtual absl::StatusOr<StoredSession> CommitTurn(const TurnTicket& ticket,
                                                   const TurnPrepared& prepared,
                                                   const TurnFinished& finished) = 0;
  // Ends the turn; the transcript is as before it. Restarts the lease. No effect on a void ticket.
  virtual void AbortTurn(const TurnTicket& ticket) = 0;

  // A new session with the first `position` tokens of the source's transcript, all when unset, as
  // Transcript::Cut says; a turn that runs there is not part of it. It has the source's model,
  // lease, labels and template clock, is best effort, and is bound to the same worker under an
  // epoch of its own. SESSION_EXISTS; SESSIONS_MAX; INVALID_FIELD for a position outside.
  virtual absl::StatusOr<StoredSession> Fork(const SessionKey& from, const SessionId& id,
                                             std::optional<Position> position) = 0;
  // Keeps the first `position` tokens, as Transcript::Cut says. The binding stays; what the worker
  // is known to have is what stayed whole. SESSION_BUSY; INVALID_FIELD.
  virtual absl::StatusOr<StoredSession> Truncate(const SessionKey& key, Position position) = 0;
  // Ends the turn by which an import has kept its new session to itself: the transcript is this
  // one. SESSION_DELETED when the ticket is void.
  virtual absl::StatusOr<StoredSession> CommitImport(const TurnTicket& ticket,
                                                     Transcript transcript,
                                                     absl::Time template_clock) = 0;

  // Removes the sessions idle for longer than the store's TTL and returns them, at most `max`.
  virtual std::vector<StoredSession> ExpireIdle(std::size_t max) = 0;

  virtual std::size_t size() const = 0;
  // Sessions bound to each worker process that has any, by incarnation. O(sessions).
  virtual std::map<Incarnation, std::int64_t> BoundCounts() const = 0;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_STORE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_MOVER_H_
#define PINTLE_SESSIONS_SESSION_MOVER_H_

#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/model_info.h"
#include "contract/session_kv.h"
#include "contract/turn_placer.h"
#include "sessions/session_export.h"
#include "sessions/session_front.h"
#include "sessions/session_import.h"
#include "sessions/session_store.h"

namespace pintle {

// What stands behind ForkSession, TruncateSession, ExportSession and ImportSession, on a
// coordinator and on a stand-alone worker: the store is the truth of transcripts, the worker a
// session is bound to moves its KV.
// Thread: safe from any thread; never waits. Callbacks come on any thread, once each. Borrows
// everything it is given; must outlive its exports and imports.
// Fails: as the Sessions service says. A worker that cannot fork or truncate KV costs its
// recomputation, never an error.
class SessionMover {
 public:
  struct Parts {
    SessionStore* store = nullptr;
    SessionFront* front = nullptr;
    TurnPlacer* placer = nullptr;
    SessionKvDirectory* kv = nullptr;
    const TextBackend* models = nullptr;
  };
  using ViewDone = absl::AnyInvocable<void(absl::StatusOr<SessionView>)>;

  explicit SessionMover(Parts parts) : parts_(parts) {}

  // An empty `id` lets the server choose; an unset position means the whole transcript.
  void Fork(const SessionKey& from, const SessionId& id, std::optional<Position> position,
            ViewDone done);
  void Truncate(const SessionKey& key, Position position, ViewDone done);
  void Export(const SessionKey& key, bool include_kv, SessionExport::Opened done);
  std::shared_ptr<SessionImport> Import(const TenantId& tenant, const SessionId& id,
                                        bool transcript_only);

 private:
  std::shared_ptr<SessionKvBackend> KvOf(const SessionBinding& binding);

  const Parts parts_;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_MOVER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_SESSIONS_SERVICE_H_
#define PINTLE_SERVICES_SESSIONS_SESSIONS_SERVICE_H_

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "contract/session_kv.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "services/identity/caller_rules.h"
#include "services/sessions/held_tokens.h"
#include "sessions/pin_front.h"
#include "sessions/session_front.h"
#include "sessions/session_mover.h"

namespace pintle {

// The Sessions service over a SessionFront. Every method: identity, convert, ask, convert back, one
// Finish; nothing waits for a model.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class SessionsService final : public v1::Sessions::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  SessionsService(SessionFront& sessions, PinFront& pins, SessionMover& mover,
                  SessionKvDirectory& directory, const CallerRules& callers)
      : sessions_(sessions),
        pins_(pins),
        mover_(mover),
        held_(sessions, directory, kHeldTokensTime),
        callers_(callers) {}

  Unary* CreateSession(Context* context, const v1::CreateSessionRequest* request,
                       v1::CreateSessionResponse* response) override;
  Unary* GetSession(Context* context, const v1::GetSessionRequest* request,
                    v1::GetSessionResponse* response) override;
  Unary* ListSessions(Context* context, const v1::ListSessionsRequest* request,
                      v1::ListSessionsResponse* response) override;
  Unary* UpdateSession(Context* context, const v1::UpdateSessionRequest* request,
                       v1::UpdateSessionResponse* response) override;
  Unary* DeleteSession(Context* context, const v1::DeleteSessionRequest* request,
                       v1::DeleteSessionResponse* response) override;
  Unary* ForkSession(Context* context, const v1::ForkSessionRequest* request,
                     v1::ForkSessionResponse* response) override;
  Unary* TruncateSession(Context* context, const v1::TruncateSessionRequest* request,
                         v1::TruncateSessionResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportSessionResponse>* ExportSession(
      Context* context, const v1::ExportSessionRequest* request) override;
  grpc::ServerReadReactor<v1::ImportSessionRequest>* ImportSession(
      Context* context, v1::ImportSessionResponse* response) override;

 private:
  absl::StatusOr<TenantId> TenantOf(const Context& context) const;
  // The caller's session of that id; INVALID_FIELD for an id that no session can have.
  absl::StatusOr<SessionKey> KeyOf(const Context& context, const std::string& id) const;
  absl::StatusOr<SessionView> Get(const Context& context, const std::string& id) const;
  absl::StatusOr<SessionViewPage> List(const Context& context,
                                       const v1::ListSessionsRequest& request) const;

  SessionFront& sessions_;
  PinFront& pins_;
  SessionMover& mover_;
  HeldTokens held_;
  const CallerRules& callers_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_SESSIONS_SERVICE_H_

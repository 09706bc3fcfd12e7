// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/sessions_service.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/sessions/export_call.h"
#include "services/sessions/import_call.h"
#include "services/sessions/session_conversion.h"
#include "services/wire/message_conversion.h"
#include "services/wire/pin_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

template <typename Response>
void FinishPinned(const absl::StatusOr<PinFront::Pinned>& pinned, Response* response,
                  grpc::ServerUnaryReactor* reactor) {
  if (pinned.ok()) {
    ToProto(pinned->view, response->mutable_session());
    response->set_verdict(ToProto(pinned->verdict));
  }
  reactor->Finish(ToGrpcStatus(pinned.status()));
}

}  // namespace

absl::StatusOr<TenantId> SessionsService::TenantOf(const Context& context) const {
  return callers_.ClientTenantOf(CredentialsOf(context));
}

absl::StatusOr<SessionKey> SessionsService::KeyOf(const Context& context,
                                                  const std::string& id) const {
  PINTLE_ASSIGN_OR_RETURN(TenantId tenant, TenantOf(context));
  PINTLE_RETURN_IF_ERROR(ValidateName("id", id));
  return SessionKey{std::move(tenant), SessionId(id)};
}

absl::StatusOr<SessionView> SessionsService::Get(const Context& context,
                                                 const std::string& id) const {
  PINTLE_ASSIGN_OR_RETURN(const SessionKey key, KeyOf(context, id));
  return sessions_.Get(key);
}

absl::StatusOr<SessionViewPage> SessionsService::List(
    const Context& context, const v1::ListSessionsRequest& request) const {
  PINTLE_ASSIGN_OR_RETURN(const TenantId tenant, TenantOf(context));
  return sessions_.List(tenant, request.page_size(), request.page_token());
}

SessionsService::Unary* SessionsService::CreateSession(Context* context,
                                                       const v1::CreateSessionRequest* request,
                                                       v1::CreateSessionResponse* response) {
  const absl::StatusOr<TenantId> tenant = TenantOf(*context);
  absl::StatusOr<NewSession> session =
      tenant.ok() ? FromProto(*request) : absl::StatusOr<NewSession>(tenant.status());
  if (!session.ok()) return Answer(context, session.status());
  auto* reactor = context->DefaultReactor();
  pins_.Create(*tenant, *std::move(session),
               [reactor, response](const absl::StatusOr<PinFront::Pinned>& pinned) {
                 FinishPinned(pinned, response, reactor);
               });
  return reactor;
}

SessionsService::Unary* SessionsService::GetSession(Context* context,
                                                    const v1::GetSessionRequest* request,
                                                    v1::GetSessionResponse* response) {
  absl::StatusOr<SessionView> view = Get(*context, request->id());
  if (!view.ok()) return Answer(context, view.status());
  auto* reactor = context->DefaultReactor();
  held_.Complete({*std::move(view)}, [reactor, request,
                                      response](const std::vector<SessionView>& views) {
    ToProto(views[0], response->mutable_session());
    if (request->include_transcript()) {
      const Transcript& transcript = views[0].session.transcript;
      for (std::int32_t i = 0; i < transcript.turns(); ++i) {
        ToProto(transcript.turn(i), response->add_transcript());
      }
    }
    reactor->Finish(grpc::Status::OK);
  });
  return reactor;
}

SessionsService::Unary* SessionsService::ListSessions(Context* context,
                                                      const v1::ListSessionsRequest* request,
                                                      v1::ListSessionsResponse* response) {
  absl::StatusOr<SessionViewPage> page = List(*context, *request);
  if (!page.ok()) return Answer(context, page.status());
  response->set_next_page_token(std::move(page->next_page_token));
  auto* reactor = context->DefaultReactor();
  held_.Complete(std::move(page->sessions),
                 [reactor, response](const std::vector<SessionView>& views) {
                   for (const SessionView& view : views) ToProto(view, response->add_sessions());
                   reactor->Finish(grpc::Status::OK);
                 });
  return reactor;
}

SessionsService::Unary* SessionsService::UpdateSession(Context* context,
                                                       const v1::UpdateSessionRequest* request,
                                                       v1::UpdateSessionResponse* response) {
  const absl::StatusOr<SessionKey> key = KeyOf(*context, request->id());
  absl::StatusOr<SessionChanges> changes =
      key.ok() ? FromProto(*request) : absl::StatusOr<SessionChanges>(key.status());
  if (!changes.ok()) return Answer(context, changes.status());
  auto* reactor = context->DefaultReactor();
  pins_.Update(*key, *std::move(changes),
               [reactor, response](const absl::StatusOr<PinFront::Pinned>& pinned) {
                 FinishPinned(pinned, response, reactor);
               });
  return reactor;
}

SessionsService::Unary* SessionsService::DeleteSession(Context* context,
                                                       const v1::DeleteSessionRequest* request,
                                                       v1::DeleteSessionResponse* response) {
  absl::StatusOr<SessionView> view = Get(*context, request->id());
  if (!view.ok()) return Answer(context, view.status());
  auto* reactor = context->DefaultReactor();
  held_.Complete({*std::move(view)}, [this, reactor,
                                      response](const std::vector<SessionView>& views) {
    const std::optional<std::int64_t> held = views[0].held_tokens;
    response->set_released_tokens(held.value_or(0));
    response->set_released_unknown(!held.has_value());
    reactor->Finish(ToGrpcStatus(sessions_.Delete(views[0].session.key)));
  });
  return reactor;
}

SessionsService::Unary* SessionsService::ForkSession(Context* context,
                                                     const v1::ForkSessionRequest* request,
                                                     v1::ForkSessionResponse* response) {
  const absl::StatusOr<SessionKey> key = KeyOf(*context, request->id());
  if (!key.ok()) return Answer(context, key.status());
  std::optional<Position> position;
  if (request->has_position()) position = request->position();
  auto* reactor = context->DefaultReactor();
  mover_.Fork(*key, SessionId(request->new_id()), position,
              [reactor, response](const absl::StatusOr<SessionView>& view) {
                if (view.ok()) ToProto(*view, response->mutable_session());
                reactor->Finish(ToGrpcStatus(view.status()));
              });
  return reactor;
}

SessionsService::Unary* SessionsService::TruncateSession(Context* context,
                                                         const v1::TruncateSessionRequest* request,
                                                         v1::TruncateSessionResponse* response) {
  const absl::StatusOr<SessionKey> key = KeyOf(*context, request->id());
  if (!key.ok()) return Answer(context, key.status());
  auto* reactor = context->DefaultReactor();
  mover_.Truncate(*key, request->position(),
                  [reactor, response](const absl::StatusOr<SessionView>& view) {
                    if (view.ok()) ToProto(*view, response->mutable_session());
                    reactor->Finish(ToGrpcStatus(view.status()));
                  });
  return reactor;
}

grpc::ServerWriteReactor<v1::ExportSessionResponse>* SessionsService::ExportSession(
    Context* context, const v1::ExportSessionRequest* request) {
  const absl::StatusOr<SessionKey> key = KeyOf(*context, request->id());
  auto* call = new ExportCall();  // owns itself until OnDone
  if (!key.ok()) {
    call->Begin(key.status());
  } else {
    const bool include_kv = !request->has_include_kv() || request->include_kv();
    mover_.Export(*key, include_kv,
                  [call](absl::StatusOr<std::shared_ptr<SessionExport>> opened) {
                    call->Begin(std::move(opened));
                  });
  }
  return call;
}

grpc::ServerReadReactor<v1::ImportSessionRequest>* SessionsService::ImportSession(
    Context* context, v1::ImportSessionResponse* response) {
  auto make = [this, context](const v1::ImportSessionRequest& first)
      -> absl::StatusOr<std::shared_ptr<SessionImport>> {
    PINTLE_ASSIGN_OR_RETURN(const TenantId tenant, TenantOf(*context));
    return mover_.Import(tenant, SessionId(first.id()), first.transcript_only());
  };
  auto fill = [this, response](const SessionImport::Result& result) -> absl::Status {
    PINTLE_ASSIGN_OR_RETURN(const SessionView view, sessions_.Get(result.key));
    ToProto(view, response->mutable_session());
    response->set_kv_tokens(result.kv_tokens);
    return absl::OkStatus();
  };
  return new ImportCall(*context, std::move(make), std::move(fill));
}

}  // namespace pintle

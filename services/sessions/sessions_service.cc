// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/sessions_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/sessions/session_conversion.h"
#include "services/turns/refused_call.h"
#include "services/wire/message_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context, const absl::Status& status) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
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

absl::Status SessionsService::NotYet(const Context& context, const char* method) const {
  PINTLE_RETURN_IF_ERROR(TenantOf(context).status());
  return MakeError(Reason::kNotYet, absl::StrCat(method, " is not there yet"));
}

absl::Status SessionsService::Create(const Context& context,
                                     const v1::CreateSessionRequest& request,
                                     v1::CreateSessionResponse* response) {
  PINTLE_ASSIGN_OR_RETURN(const TenantId tenant, TenantOf(context));
  PINTLE_ASSIGN_OR_RETURN(NewSession session, FromProto(request));
  PINTLE_ASSIGN_OR_RETURN(const SessionView view, sessions_.Create(tenant, std::move(session)));
  ToProto(view, response->mutable_session());
  return absl::OkStatus();
}

absl::Status SessionsService::Get(const Context& context, const v1::GetSessionRequest& request,
                                  v1::GetSessionResponse* response) const {
  PINTLE_ASSIGN_OR_RETURN(const SessionKey key, KeyOf(context, request.id()));
  PINTLE_ASSIGN_OR_RETURN(const SessionView view, sessions_.Get(key));
  ToProto(view, response->mutable_session());
  if (request.include_transcript()) {
    const Transcript& transcript = view.session.transcript;
    for (std::int32_t i = 0; i < transcript.turns(); ++i) {
      ToProto(transcript.turn(i), response->add_transcript());
    }
  }
  return absl::OkStatus();
}

absl::Status SessionsService::List(const Context& context, const v1::ListSessionsRequest& request,
                                   v1::ListSessionsResponse* response) const {
  PINTLE_ASSIGN_OR_RETURN(const TenantId tenant, TenantOf(context));
  PINTLE_ASSIGN_OR_RETURN(SessionViewPage page,
                          sessions_.List(tenant, request.page_size(), request.page_token()));
  for (const SessionView& view : page.sessions) ToProto(view, response->add_sessions());
  response->set_next_page_token(std::move(page.next_page_token));
  return absl::OkStatus();
}

absl::Status SessionsService::Update(const Context& context,
                                     const v1::UpdateSessionRequest& request,
                                     v1::UpdateSessionResponse* response) {
  PINTLE_ASSIGN_OR_RETURN(const SessionKey key, KeyOf(context, request.id()));
  PINTLE_ASSIGN_OR_RETURN(const SessionChanges changes, FromProto(request));
  PINTLE_ASSIGN_OR_RETURN(const SessionView view, sessions_.Update(key, changes));
  ToProto(view, response->mutable_session());
  return absl::OkStatus();
}

absl::Status SessionsService::Delete(const Context& context,
                                     const v1::DeleteSessionRequest& request,
                                     v1::DeleteSessionResponse* response) {
  PINTLE_ASSIGN_OR_RETURN(const SessionKey key, KeyOf(context, request.id()));
  PINTLE_ASSIGN_OR_RETURN(const std::int64_t released, sessions_.Delete(key));
  response->set_released_tokens(released);
  return absl::OkStatus();
}

SessionsService::Unary* SessionsService::CreateSession(Context* context,
                                                       const v1::CreateSessionRequest* request,
                                                       v1::CreateSessionResponse* response) {
  return Answer(context, Create(*context, *request, response));
}

SessionsService::Unary* SessionsService::GetSession(Context* context,
                                                    const v1::GetSessionRequest* request,
                                                    v1::GetSessionResponse* response) {
  return Answer(context, Get(*context, *request, response));
}

SessionsService::Unary* SessionsService::ListSessions(Context* context,
                                                      const v1::ListSessionsRequest* request,
                                                      v1::ListSessionsResponse* response) {
  return Answer(context, List(*context, *request, response));
}

SessionsService::Unary* SessionsService::UpdateSession(Context* context,
                                                       const v1::UpdateSessionRequest* request,
                                                       v1::UpdateSessionResponse* response) {
  return Answer(context, Update(*context, *request, response));
}

SessionsService::Unary* SessionsService::DeleteSession(Context* context,
                                                       const v1::DeleteSessionRequest* request,
                                                       v1::DeleteSessionResponse* response) {
  return Answer(context, Delete(*context, *request, response));
}

SessionsService::Unary* SessionsService::ForkSession(Context* context,
                                                     const v1::ForkSessionRequest* /*request*/,
                                                     v1::ForkSessionResponse* /*response*/) {
  return Answer(context, NotYet(*context, "ForkSession"));
}

SessionsService::Unary* SessionsService::TruncateSession(
    Context* context, const v1::TruncateSessionRequest* /*request*/,
    v1::TruncateSessionResponse* /*response*/) {
  return Answer(context, NotYet(*context, "TruncateSession"));
}

grpc::ServerWriteReactor<v1::ExportSessionResponse>* SessionsService::ExportSession(
    Context* context, const v1::ExportSessionRequest* /*request*/) {
  return new RefusedCall<grpc::ServerWriteReactor<v1::ExportSessionResponse>>(
      NotYet(*context, "ExportSession"));
}

grpc::ServerReadReactor<v1::ImportSessionRequest>* SessionsService::ImportSession(
    Context* context, v1::ImportSessionResponse* /*response*/) {
  return new RefusedCall<grpc::ServerReadReactor<v1::ImportSessionRequest>>(
      NotYet(*context, "ImportSession"));
}

}  // namespace pintle

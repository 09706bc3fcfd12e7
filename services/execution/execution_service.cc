// SPDX-License-Identifier: Apache-2.0
#include "services/execution/execution_service.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/request_log/request_recorder.h"
#include "services/turns/turn_call.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/message_conversion.h"
#include "services/wire/pin_conversion.h"
#include "services/wire/session_kv_conversion.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {

// One RunTurn call: a TurnCall that begins with a coordinator's request and can be cancelled by
// name.
class ExecutionService::RunTurnCall final : public TurnCall<v1::RunTurnResponse> {
 public:
  RunTurnCall(ExecutionService& service, Context& context)
      : TurnCall(context, &service.connections_),
        service_(service),
        recorder_(service.observers_, service.clock_) {}

  void Begin(const v1::RunTurnRequest& request) {
    RequestRecord& record = recorder_.record();
    record.method = "RunTurn";
    record.traceparent = TraceparentOf(context());
    absl::StatusOr<std::unique_ptr<TurnStream>> stream = Start(request, record);
    if (!stream.ok()) return End(stream.status());
    Run(*std::move(stream));
  }

 private:
  absl::StatusOr<std::unique_ptr<TurnStream>> Start(const v1::RunTurnRequest& request,
                                                    RequestRecord& record) {
    PINTLE_RETURN_IF_ERROR(service_.callers_.RequireCluster(CredentialsOf(context())));
    if (service_.draining_) return MakeError(Reason::kDraining, "this worker is shutting down");
    PINTLE_RETURN_IF_ERROR(ValidateName("tenant", request.tenant()));
    // The cluster is believed: these names were checked where they came in.
    record.tenant = request.tenant();
    record.session = request.request().session();
    record.request_id = request.request().request_id();
    record.model = request.request().model();
    turn_id_ = request.turn_id();
    listed_ = !turn_id_.empty() && service_.running_.Reserve(turn_id_);
    if (!turn_id_.empty() && !listed_) {
      return InvalidField("turn_id", "names a turn that is running");
    }
    PINTLE_ASSIGN_OR_RETURN(TurnRequest turn, FromProto(request));
    turn.deadline = DeadlineOf(context(), service_.clock_);
    return service_.turns_.Start(std::move(turn));
  }

  void Running(const std::shared_ptr<TurnPump>& pump) override {
    if (listed_) service_.running_.Attach(turn_id_, pump);
  }
  void Watch(const TurnEvent& event) override { recorder_.OnEvent(event); }
  void Ended(const absl::Status& status) override {
    recorder_.End(status);
    if (listed_) service_.running_.Remove(turn_id_);
  }

  ExecutionService& service_;
  // Touched by the pump's consumer alone.
  RequestRecorder recorder_;
  std::string turn_id_;
  bool listed_ = false;
};

grpc::ServerWriteReactor<v1::RunTurnResponse>* ExecutionService::RunTurn(
    Context* context, const v1::RunTurnRequest* request) {
  auto* call = new RunTurnCall(*this, *context);  // owns itself until OnDone
  call->Begin(*request);
  return call;
}

absl::Status ExecutionService::Cancel(const Context& context, const v1::CancelTurnRequest& request,
                                      v1::CancelTurnResponse* response) {
  PINTLE_RETURN_IF_ERROR(callers_.RequireCluster(CredentialsOf(context)));
  PINTLE_ASSIGN_OR_RETURN(const CancelMode mode, FromProto(request.keep()));
  response->set_found(
      running_.Cancel(request.turn_id(), mode, absl::CancelledError("the turn was cancelled")));
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ExecutionService::CancelTurn(Context* context,
                                                       const v1::CancelTurnRequest* request,
                                                       v1::CancelTurnResponse* response) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(Cancel(*context, *request, response)));
  return reactor;
}

absl::Status ExecutionService::Drop(const Context& context, const v1::DropSessionRequest& request) {
  PINTLE_RETURN_IF_ERROR(callers_.RequireCluster(CredentialsOf(context)));
  PINTLE_RETURN_IF_ERROR(ValidateName("tenant", request.tenant()));
  PINTLE_RETURN_IF_ERROR(ValidateName("session", request.session()));
  turns_.DropSession({TenantId(request.tenant()), SessionId(request.session())});
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* ExecutionService::DropSession(Context* context,
                                                        const v1::DropSessionRequest* request,
                                                        v1::DropSessionResponse* /*response*/) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(Drop(*context, *request)));
  return reactor;
}

// --- Sessions' KV ---

absl::StatusOr<SessionKey> ExecutionService::KeyOf(const Context& context,
                                                   const std::string& tenant,
                                                   const std::string& session) const {
  PINTLE_RETURN_IF_ERROR(callers_.RequireCluster(CredentialsOf(context)));
  PINTLE_RETURN_IF_ERROR(ValidateName("tenant", tenant));
  PINTLE_RETURN_IF_ERROR(ValidateName("session", session));
  return SessionKey{TenantId(tenant), SessionId(session)};
}

grpc::ServerUnaryReactor* ExecutionService::UpdateSession(
    Context* context, const v1::UpdateSessionKvRequest* request,
    v1::UpdateSessionKvResponse* response) {
  auto* reactor = context->DefaultReactor();
  const auto key = KeyOf(*context, request->tenant(), request->session());
  absl::StatusOr<SessionTerms> terms = key.ok() ? FromProto(*request) : key.status();
  if (!terms.ok()) {
    reactor->Finish(ToGrpcStatus(terms.status()));
    return reactor;
  }
  kv_.Update(*key, request->epoch(), *std::move(terms),
             [reactor, response](const absl::StatusOr<PinVerdict>& verdict) {
               if (verdict.ok()) response->set_verdict(ToProto(*verdict));
               reactor->Finish(ToGrpcStatus(verdict.status()));
             });
  return reactor;
}

grpc::ServerUnaryReactor* ExecutionService::ForkKv(Context* context,
                                                   const v1::ForkKvRequest* request,
                                                   v1::ForkKvResponse* /*response*/) {
  auto* reactor = context->DefaultReactor();
  const auto from = KeyOf(*context, request->tenant(), request->session());
  const auto to = KeyOf(*context, request->tenant(), request->new_session());
  absl::Status status = from.ok() ? to.status() : from.status();
  if (status.ok() && *from == *to) status = InvalidField("new_session", "is the session itself");
  if (!status.ok()) {
    reactor->Finish(ToGrpcStatus(status));
    return reactor;
  }
  kv_.Fork(*from, *to, request->position(), [reactor](const absl::Status& forked) {
    reactor->Finish(ToGrpcStatus(forked));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ExecutionService::TruncateKv(Context* context,
                                                       const v1::TruncateKvRequest* request,
                                                       v1::TruncateKvResponse* /*response*/) {
  auto* reactor = context->DefaultReactor();
  const auto key = KeyOf(*context, request->tenant(), request->session());
  if (!key.ok()) {
    reactor->Finish(ToGrpcStatus(key.status()));
    return reactor;
  }
  kv_.Truncate(*key, request->position(), [reactor](const absl::Status& status) {
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

grpc::ServerUnaryReactor* ExecutionService::QueryHeld(Context* context,
                                                      const v1::QueryHeldRequest* request,
                                                      v1::QueryHeldResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::StatusOr<std::vector<SessionKey>> keys = KeysOf(*context, *request);
  if (!keys.ok()) {
    reactor->Finish(ToGrpcStatus(keys.status()));
    return reactor;
  }
  kv_.QueryHeld(*keys, [reactor, response](const absl::StatusOr<std::vector<std::int64_t>>& held) {
    if (held.ok()) response->mutable_held_tokens()->Add(held->begin(), held->end());
    reactor->Finish(ToGrpcStatus(held.status()));
  });
  return reactor;
}

absl::StatusOr<std::vector<SessionKey>> ExecutionService::KeysOf(
    const Context& context, const v1::QueryHeldRequest& request) const {
  PINTLE_RETURN_IF_ERROR(callers_.RequireCluster(CredentialsOf(context)));
  const auto count = static_cast<std::size_t>(request.sessions_size());
  if (count > limits::kSessionsPageMax) {
    return InvalidField("sessions", absl::StrCat("has ", count, " entries, limit ",
                                                 limits::kSessionsPageMax));
  }
  std::vector<SessionKey> keys;
  for (const std::string& session : request.sessions()) {
    PINTLE_ASSIGN_OR_RETURN(SessionKey key, KeyOf(context, request.tenant(), session));
    keys.push_back(std::move(key));
  }
  return keys;
}

grpc::ServerUnaryReactor* ExecutionService::ReadKv(Context* context,
                                                   const v1::ReadKvRequest* request,
                                                   v1::ReadKvResponse* response) {
  auto* reactor = context->DefaultReactor();
  if (request->has_open()) {
    const auto key = KeyOf(*context, request->open().tenant(), request->open().session());
    if (!key.ok()) {
      reactor->Finish(ToGrpcStatus(key.status()));
      return reactor;
    }
    kv_.OpenRead(*key, request->open().tokens_max(),
                 [reactor, response](const absl::StatusOr<KvReading>& reading) {
                   if (reading.ok()) {
                     auto* opened = response->mutable_opened();
                     opened->set_transfer(reading->transfer);
                     ToProto(reading->shape, opened->mutable_shape());
                     opened->set_tokens(reading->tokens);
                     opened->set_digest(reading->digest);
                   }
                   reactor->Finish(ToGrpcStatus(reading.status()));
                 });
    return reactor;
  }
  const absl::Status allowed = callers_.RequireCluster(CredentialsOf(*context));
  if (!allowed.ok() || request->action_case() != v1::ReadKvRequest::kRead) {
    if (allowed.ok()) kv_.Close(request->close());
    reactor->Finish(ToGrpcStatus(allowed));
    return reactor;
  }
  kv_.Read(request->read(), [reactor, response](absl::StatusOr<KvPortion> portion) {
    const absl::Status status = portion.status();
    if (portion.ok()) ToProto(*std::move(portion), response->mutable_portion());
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

void ExecutionService::OpenWrite(const v1::WriteKvRequest::Open& open,
                                 v1::WriteKvResponse* response,
                                 grpc::ServerUnaryReactor* reactor) {
  KvWriting writing;
  writing.key = {TenantId(open.tenant()), SessionId(open.session())};
  writing.shape = FromProto(open.shape());
  writing.tokens = FromProto(open.token_ids());
  writing.trusted = open.trusted();
  kv_.OpenWrite(std::move(writing),
                [reactor, response](const absl::StatusOr<KvTransferId>& transfer) {
                  if (transfer.ok()) response->set_transfer(*transfer);
                  reactor->Finish(ToGrpcStatus(transfer.status()));
                });
}

grpc::ServerUnaryReactor* ExecutionService::WriteKv(Context* context,
                                                    const v1::WriteKvRequest* request,
                                                    v1::WriteKvResponse* response) {
  auto* reactor = context->DefaultReactor();
  absl::Status refused = callers_.RequireCluster(CredentialsOf(*context));
  if (refused.ok() && request->has_open()) {
    refused = KeyOf(*context, request->open().tenant(), request->open().session()).status();
  }
  if (!refused.ok()) {
    reactor->Finish(ToGrpcStatus(refused));
    return reactor;
  }
  switch (request->action_case()) {
    case v1::WriteKvRequest::kOpen: OpenWrite(request->open(), response, reactor); break;
    case v1::WriteKvRequest::kPortion:
      kv_.Write(request->portion().transfer(), FromProto(request->portion().portion()),
                [reactor](const absl::Status& status) { reactor->Finish(ToGrpcStatus(status)); });
      break;
    case v1::WriteKvRequest::kFinish:
      kv_.FinishWrite(request->finish(),
                      [reactor, response](const absl::StatusOr<Position>& tokens) {
                        if (tokens.ok()) response->set_tokens(*tokens);
                        reactor->Finish(ToGrpcStatus(tokens.status()));
                      });
      break;
    default:
      kv_.Close(request->close());
      reactor->Finish(grpc::Status::OK);
  }
  return reactor;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/execution/execution_service.h"

#include <memory>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/request_log/request_recorder.h"
#include "services/turns/turn_call.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {

// One RunTurn call: a TurnCall that begins with a coordinator's request and can be cancelled by
// name.
class ExecutionService::RunTurnCall final : public TurnCall<v1::RunTurnResponse> {
 public:
  RunTurnCall(ExecutionService& service, Context& context)
      : TurnCall(context), service_(service), recorder_(service.observers_, service.clock_) {}

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

}  // namespace pintle

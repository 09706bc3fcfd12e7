// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_
#define PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "contract/ids.h"
#include "pintle/v1/inference.pb.h"
#include "services/inference/turn_starter.h"
#include "services/turns/turn_call.h"

namespace pintle {

// One Generate call: a TurnCall that begins with a client's request and ends with a log line.
// Thread: see TurnCall. Borrows the starter. Owns itself until OnDone.
class GenerateCall final : public TurnCall<v1::GenerateResponse> {
 public:
  GenerateCall(const TurnStarter& starter, grpc::CallbackServerContext& context)
      : TurnCall(context, &starter.connections()),
        starter_(starter),
        recorder_(starter.NewRecorder("Generate")) {}

  // Starts the turn, or finishes with the error. Requires: called once, before gRPC gets this.
  void Begin(const absl::StatusOr<TenantId>& tenant, const v1::GenerateRequest& request);

 private:
  void Running(const std::shared_ptr<TurnPump>& pump) override { starter_.readers().Watch(pump); }
  void Watch(const TurnEvent& event) override { recorder_->OnEvent(event); }
  void Ended(const absl::Status& status) override { recorder_->End(status); }

  const TurnStarter& starter_;
  // Touched by the pump's consumer alone.
  const std::unique_ptr<RequestRecorder> recorder_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_INFERENCE_GENERATE_CALL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_INFERENCE_INFERENCE_SERVICE_H_
#define PINTLE_SERVICES_INFERENCE_INFERENCE_SERVICE_H_

#include <cstddef>
#include <vector>

#include "contract/clock.h"
#include "contract/model_info.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "services/identity/caller_rules.h"
#include "services/inference/turn_starter.h"
#include "services/request_log/request_record.h"
#include "sessions/turn_front.h"

namespace pintle {

// The Inference service, on a coordinator and on a worker alike: what differs stands behind
// TurnFront and TextBackend.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class InferenceService final : public v1::Inference::CallbackService {
 public:
  InferenceService(TurnFront& turns, TextBackend& text, const CallerRules& callers,
                   const Clock& clock, std::vector<RequestObserver*> observers);

  // New turns are answered DRAINING from now on; running ones end as they would.
  void Drain() { starter_.Drain(); }
  // Ends the turns whose peer has not read for `limit`, SLOW_READER; returns how many. Call it
  // several times a limit.
  std::size_t EndSlowReaders(absl::Duration limit) {
    return starter_.readers().Sweep(starter_.clock().Monotonic(), limit);
  }

  grpc::ServerWriteReactor<v1::GenerateResponse>* Generate(
      grpc::CallbackServerContext* context, const v1::GenerateRequest* request) override;
  grpc::ServerBidiReactor<v1::GenerateBatchRequest, v1::GenerateBatchResponse>* GenerateBatch(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* CancelGenerate(grpc::CallbackServerContext* context,
                                           const v1::CancelGenerateRequest* request,
                                           v1::CancelGenerateResponse* response) override;
  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context,
                                     const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;

 private:
  absl::StatusOr<TenantId> TenantOf(const grpc::CallbackServerContext& context) const;
  absl::Status Cancel(const grpc::CallbackServerContext& context,
                      const v1::CancelGenerateRequest& request,
                      v1::CancelGenerateResponse* response);
  absl::StatusOr<TokenizeRequest> Check(const grpc::CallbackServerContext& context,
                                        const v1::TokenizeRequest& request) const;

  TurnStarter starter_;
  TextBackend& text_;
  const CallerRules& callers_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_INFERENCE_INFERENCE_SERVICE_H_

// SPDX-License-Identifier: Apache-2.0
#include "services/inference/inference_service.h"

#include <utility>

#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/inference/batch_call.h"
#include "services/inference/generate_call.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {

InferenceService::InferenceService(TurnFront& turns, TextBackend& text, const CallerRules& callers,
                                   const Clock& clock, std::vector<RequestObserver*> observers)
    : starter_(turns, std::move(observers), clock), text_(text), callers_(callers) {}

absl::StatusOr<TenantId> InferenceService::TenantOf(
    const grpc::CallbackServerContext& context) const {
  return callers_.ClientTenantOf(CredentialsOf(context));
}

grpc::ServerWriteReactor<v1::GenerateResponse>* InferenceService::Generate(
    grpc::CallbackServerContext* context, const v1::GenerateRequest* request) {
  auto* call = new GenerateCall(starter_, *context);  // owns itself until OnDone
  call->Begin(TenantOf(*context), *request);
  return call;
}

grpc::ServerBidiReactor<v1::GenerateBatchRequest, v1::GenerateBatchResponse>*
InferenceService::GenerateBatch(grpc::CallbackServerContext* context) {
  auto* call = new BatchCall(starter_, *context);  // owns itself until OnDone
  call->Begin(TenantOf(*context));
  return call;
}

absl::Status InferenceService::Cancel(const grpc::CallbackServerContext& context,
                                      const v1::CancelGenerateRequest& request,
                                      v1::CancelGenerateResponse* response) {
  PINTLE_ASSIGN_OR_RETURN(const TenantId tenant, TenantOf(context));
  PINTLE_ASSIGN_OR_RETURN(const CancelMode mode, FromProto(request.keep()));
  PINTLE_ASSIGN_OR_RETURN(const bool found,
                          starter_.turns().CancelGenerate(tenant, SessionId(request.session()),
                                                          RequestId(request.request_id()), mode));
  response->set_found(found);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* InferenceService::CancelGenerate(grpc::CallbackServerContext* context,
                                                           const v1::CancelGenerateRequest* request,
                                                           v1::CancelGenerateResponse* response) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(Cancel(*context, *request, response)));
  return reactor;
}

absl::StatusOr<TokenizeRequest> InferenceService::Check(const grpc::CallbackServerContext& context,
                                                        const v1::TokenizeRequest& request) const {
  PINTLE_RETURN_IF_ERROR(TenantOf(context).status());
  PINTLE_RETURN_IF_ERROR(ValidateModelName("model", request.model()));
  PINTLE_ASSIGN_OR_RETURN(TokenizeRequest converted, FromProto(request));
  PINTLE_RETURN_IF_ERROR(ValidateInput(converted.input));
  return converted;
}

grpc::ServerUnaryReactor* InferenceService::Tokenize(grpc::CallbackServerContext* context,
                                                     const v1::TokenizeRequest* request,
                                                     v1::TokenizeResponse* response) {
  auto* reactor = context->DefaultReactor();
  absl::StatusOr<TokenizeRequest> checked = Check(*context, *request);
  if (!checked.ok()) {
    reactor->Finish(ToGrpcStatus(checked.status()));
    return reactor;
  }
  // The call cannot end before Finish, so the response outlives the text room's work.
  text_.Tokenize(*std::move(checked), [reactor, response](absl::StatusOr<TokenizeResult> result) {
    if (result.ok()) ToProto(*result, response);
    reactor->Finish(ToGrpcStatus(result.status()));
  });
  return reactor;
}

grpc::ServerUnaryReactor* InferenceService::ListModels(grpc::CallbackServerContext* context,
                                                       const v1::ListModelsRequest* /*request*/,
                                                       v1::ListModelsResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::Status status = TenantOf(*context).status();
  if (status.ok()) {
    for (const ModelInfo& model : text_.ListModels()) ToProto(model, response->add_models());
  }
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace pintle

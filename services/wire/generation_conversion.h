// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_GENERATION_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_GENERATION_CONVERSION_H_

#include "absl/status/statusor.h"
#include "contract/generation.h"
#include "contract/model_info.h"
#include "contract/turn.h"
#include "pintle/v1/inference.pb.h"

// Requests of Inference as contract types and back. Only what cannot be said in contract types is
// refused here (no input, an unknown enum value, content that is no text): the limits are
// contract/request_rules.h's.
// Thread: pure functions.
// Fails: INVALID_ARGUMENT: INVALID_FIELD, UNSUPPORTED_OPTION with the field's path.
namespace pintle {

absl::StatusOr<GenerationRequest> FromProto(const v1::GenerateRequest& request);
void ToProto(const GenerationRequest& request, v1::GenerateRequest* out);

// The template clock is not the client's to set: it stays "now".
absl::StatusOr<TokenizeRequest> FromProto(const v1::TokenizeRequest& request);
void ToProto(const TokenizeRequest& request, v1::TokenizeRequest* out);
TokenizeResult FromProto(const v1::TokenizeResponse& response);
void ToProto(const TokenizeResult& result, v1::TokenizeResponse* out);

// INVALID_FIELD for an unknown value of `keep`.
absl::StatusOr<CancelMode> FromProto(v1::Keep keep);
v1::Keep ToProto(CancelMode mode);

ModelInfo FromProto(const v1::Model& model);
void ToProto(const ModelInfo& model, v1::Model* out);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_GENERATION_CONVERSION_H_

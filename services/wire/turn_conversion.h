// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_TURN_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_TURN_CONVERSION_H_

#include "absl/status/statusor.h"
#include "contract/turn.h"
#include "pintle/v1/execution.pb.h"
#include "pintle/v1/inference.pb.h"

// Turns as they travel: to a client as GenerateResponse, between coordinator and worker as RunTurn.
// Thread: pure functions.
namespace pintle {

// What a client sees of an event. False when it sees nothing: TurnPrepared is internal, and
// TurnFailed ends the stream with its status instead of a message. `out` is empty; for a TurnChunk
// it may hold any earlier event, which the chunk replaces.
bool ToProto(const TurnEvent& event, v1::GenerateResponse* out);

// What a coordinator sees of an event; false for TurnFailed alone.
bool ToProto(const TurnEvent& event, v1::RunTurnResponse* out);
// INTERNAL MODEL_FAILED for a response without an event or with one we do not know.
absl::StatusOr<TurnEvent> FromProto(const v1::RunTurnResponse& response);

// The deadline travels as the call's own and `turn_id` is the caller's.
void ToProto(const TurnRequest& turn, v1::RunTurnRequest* out);
// INVALID_FIELD, UNSUPPORTED_OPTION as for GenerateRequest.
absl::StatusOr<TurnRequest> FromProto(const v1::RunTurnRequest& request);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_TURN_CONVERSION_H_

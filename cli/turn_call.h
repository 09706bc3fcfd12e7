// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TURN_CALL_H_
#define PINTLE_CLI_TURN_CALL_H_

#include <functional>

#include "absl/status/statusor.h"
#include "cli/connection.h"
#include "cli/turn_record.h"
#include "contract/clock.h"

namespace pintle {

// Sees each chunk as it comes.
using ChunkSink = std::function<void(const v1::Chunk&)>;

// One Generate call, read to its end. A session that is not there is created and the call repeated;
// times are those of the call that was answered. Ctrl-C cancels: the turn rolls back, CANCELLED.
// Fails: with the server's error, or INTERNAL for a stream that breaks its promises.
absl::StatusOr<TurnRecord> RunTurn(const v1::GenerateRequest& request, Connection& connection,
                                   const Clock& clock, const ChunkSink& sink);

}  // namespace pintle

#endif  // PINTLE_CLI_TURN_CALL_H_

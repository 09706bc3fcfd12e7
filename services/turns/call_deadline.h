// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_CALL_DEADLINE_H_
#define PINTLE_SERVICES_TURNS_CALL_DEADLINE_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/clock.h"

namespace grpc {
class ClientContext;
class ServerContextBase;
}  // namespace grpc

// Deadlines across a hop: gRPC counts in wall time, we in the process's monotonic clock.
// Thread: pure functions of what they are given.
namespace pintle {

// The call's deadline on the monotonic clock; infinite when it has none.
absl::Duration DeadlineOf(const grpc::ServerContextBase& context, const Clock& clock);
// Gives an outgoing call the deadline; none when it is infinite.
void SetDeadline(absl::Duration deadline, const Clock& clock, grpc::ClientContext& context);
// Why a call was cancelled: DEADLINE_EXCEEDED when its time is over, else CANCELLED.
absl::Status WhyCancelled(const grpc::ServerContextBase& context);

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_CALL_DEADLINE_H_

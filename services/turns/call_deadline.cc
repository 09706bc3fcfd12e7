// SPDX-License-Identifier: Apache-2.0
#include "services/turns/call_deadline.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <chrono>

namespace pintle {
namespace {

using WallClock = std::chrono::system_clock;

}  // namespace

absl::Duration DeadlineOf(const grpc::ServerContextBase& context, const Clock& clock) {
  const WallClock::time_point deadline = context.deadline();
  // What gRPC makes of "no deadline" lies near the end of the clock's range.
  if (deadline > WallClock::now() + std::chrono::hours(24 * 365)) return absl::InfiniteDuration();
  return clock.Monotonic() + absl::FromChrono(deadline - WallClock::now());
}

void SetDeadline(absl::Duration deadline, const Clock& clock, grpc::ClientContext& context) {
  if (deadline == absl::InfiniteDuration()) return;
  context.set_deadline(WallClock::now() + absl::ToChronoMicroseconds(deadline - clock.Monotonic()));
}

absl::Status WhyCancelled(const grpc::ServerContextBase& context) {
  // The caller's clock calls off the call a moment before ours says that its time is over.
  constexpr auto kClocksDiffer = std::chrono::milliseconds(50);
  if (context.deadline() <= WallClock::now() + kClocksDiffer) {
    return absl::DeadlineExceededError("the call's deadline is over");
  }
  return absl::CancelledError("the caller went away");
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/turns/call_deadline.h"

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>

#include <chrono>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(CallDeadlineTest, ACallWithoutADeadlineHasNone) {
  ManualClock clock;
  grpc::ClientContext context;
  SetDeadline(absl::InfiniteDuration(), clock, context);
  EXPECT_EQ(context.deadline(), std::chrono::system_clock::time_point::max());
}

TEST(CallDeadlineTest, ADeadlineIsCountedFromTheMonotonicClocksNow) {
  ManualClock clock;
  clock.Advance(absl::Hours(3));
  grpc::ClientContext context;
  const auto before = std::chrono::system_clock::now();
  SetDeadline(clock.Monotonic() + absl::Minutes(5), clock, context);
  const auto left = context.deadline() - before;
  EXPECT_GE(left, std::chrono::minutes(5) - std::chrono::seconds(1));
  EXPECT_LE(left, std::chrono::minutes(6));
}

TEST(CallDeadlineTest, AFreshServerContextHasNoDeadlineAndWasNotLate) {
  grpc::ServerContext context;
  SystemClock clock;
  EXPECT_EQ(DeadlineOf(context, clock), absl::InfiniteDuration());
  EXPECT_EQ(WhyCancelled(context).code(), absl::StatusCode::kCancelled);
}

}  // namespace
}  // namespace pintle

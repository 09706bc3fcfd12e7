// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <thread>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(InterruptTest, TheWatchedCallIsCancelled) {
  Interrupt interrupt;
  int cancelled = 0;
  {
    const Interrupt::Watch watch(interrupt, [&] { ++cancelled; });
    EXPECT_TRUE(interrupt.Trigger());
  }
  EXPECT_EQ(cancelled, 1);
  EXPECT_TRUE(interrupt.requested());
}

TEST(InterruptTest, NobodyCaresWhenNothingIsWatchedAnyMore) {
  Interrupt interrupt;
  {
    const Interrupt::Watch watch(interrupt, [] {});
  }
  EXPECT_FALSE(interrupt.Trigger());
}

TEST(InterruptTest, ACallThatBeginsAfterTheInterruptIsCancelledAtOnceUntilCleared) {
  Interrupt interrupt;
  interrupt.Trigger();
  int cancelled = 0;
  {
    const Interrupt::Watch watch(interrupt, [&] { ++cancelled; });
  }
  EXPECT_EQ(cancelled, 1);
  interrupt.Clear();
  {
    const Interrupt::Watch watch(interrupt, [&] { ++cancelled; });
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(InterruptTest, AWaitEndsWithTheInterrupt) {
  Interrupt interrupt;
  EXPECT_FALSE(interrupt.WaitFor(absl::ZeroDuration()));
  std::thread trigger([&] { interrupt.Trigger(); });
  EXPECT_TRUE(interrupt.WaitFor(absl::InfiniteDuration()));
  trigger.join();
}

}  // namespace
}  // namespace pintle

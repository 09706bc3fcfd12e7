// SPDX-License-Identifier: Apache-2.0
#include "contract/clock.h"

#include <thread>

#include "absl/time/clock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(SystemClockTest, MonotonicNeverGoesBack) {
  const SystemClock clock;
  absl::Duration last = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = clock.Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(SystemClockTest, WallIsBetweenTwoReadingsOfTheMachine) {
  const SystemClock clock;
  const absl::Time before = absl::Now();
  const absl::Time wall = clock.Wall();
  EXPECT_GE(wall, before);
  EXPECT_LE(wall, absl::Now());
}

TEST(ManualClockTest, StandsStillUntilAdvanced) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  const absl::Duration monotonic = clock.Monotonic();
  EXPECT_EQ(clock.Monotonic(), monotonic);
  EXPECT_EQ(clock.Wall(), absl::FromUnixSeconds(1000));
}

TEST(ManualClockTest, AdvanceMovesBothReadings) {
  ManualClock clock(absl::FromUnixSeconds(1000));
  const absl::Duration monotonic = clock.Monotonic();
  clock.Advance(absl::Milliseconds(1500));
  EXPECT_EQ(clock.Monotonic() - monotonic, absl::Milliseconds(1500));
  EXPECT_EQ(clock.Wall(), absl::FromUnixSeconds(1000) + absl::Milliseconds(1500));
}

TEST(ManualClockTest, AdvancesOfManyThreadsAddUp) {
  ManualClock clock;
  const absl::Duration start = clock.Monotonic();
  const auto advance = [&clock] {
    for (int i = 0; i < 1000; ++i) clock.Advance(absl::Milliseconds(1));
  };
  std::thread first(advance);
  std::thread second(advance);
  first.join();
  second.join();
  EXPECT_EQ(clock.Monotonic() - start, absl::Seconds(2));
}

TEST(ManualClockTest, GoingBackIsAProgrammersError) {
  ManualClock clock;
  EXPECT_DEATH(clock.Advance(absl::Milliseconds(-1)), "a monotonic clock never goes back");
}

}  // namespace
}  // namespace pintle

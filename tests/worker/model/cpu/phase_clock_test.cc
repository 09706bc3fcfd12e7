// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/phase_clock.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pintle::model::cpu {
namespace {

std::int64_t fake_now = 0;

TEST(PhaseClockTest, ChargesTheTimeToThePhaseThatEnds) {
  PhaseClock clock(2, [] { return fake_now; });
  fake_now = 1'000'000'000;
  clock.Mark(0, Phase::kQkv);
  fake_now += 500'000'000;
  clock.Mark(0, Phase::kWait);
  fake_now += 250'000'000;
  clock.Mark(0, Phase::kQkv);
  fake_now += 500'000'000;
  clock.Mark(0, Phase::kOutside);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kQkv), 1.0);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kWait), 0.25);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kOutside), 0.0);
}

TEST(PhaseClockTest, KeepsThreadsApart) {
  PhaseClock clock(2, [] { return fake_now; });
  fake_now = 1'000'000'000;
  clock.Mark(0, Phase::kDown);
  clock.Mark(1, Phase::kWait);
  fake_now += 1'000'000'000;
  clock.Mark(0, Phase::kWait);
  clock.Mark(1, Phase::kDown);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kDown), 1.0);
  EXPECT_DOUBLE_EQ(clock.Seconds(1, Phase::kDown), 0.0);
  EXPECT_DOUBLE_EQ(clock.Seconds(1, Phase::kWait), 1.0);
}

TEST(PhaseClockTest, ClearForgetsAndTheNextMarkOnlyBegins) {
  PhaseClock clock(1, [] { return fake_now; });
  fake_now = 1'000'000'000;
  clock.Mark(0, Phase::kHead);
  clock.Clear();
  fake_now += 1'000'000'000;
  clock.Mark(0, Phase::kHead);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kOutside), 0.0);
  EXPECT_DOUBLE_EQ(clock.Seconds(0, Phase::kHead), 0.0);
}

TEST(PhaseClockTest, EveryPhaseHasAName) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < kPhases; ++i) {
    names.insert(std::string(PhaseName(static_cast<Phase>(i))));
  }
  EXPECT_EQ(names.size(), kPhases);
  EXPECT_EQ(names.count(""), 0U);
}

}  // namespace
}  // namespace pintle::model::cpu

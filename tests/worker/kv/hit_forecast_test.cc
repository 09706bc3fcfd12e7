// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/hit_forecast.h"

#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

// A cache of eight blocks of four tokens: the capacities are 4, 8, 16 and 32 blocks.
class HitForecastTest : public KvFixture {
 protected:
  HitForecastTest() : forecast_(cache_->hash(), 4, 8, 64, 256) { cache_->SetObserver(&forecast_); }

  HitForecast forecast_;
};

TEST_F(HitForecastTest, SaysWhatTwiceTheMemoryWouldHaveFound) {
  // Two sessions of six blocks each in a pool for eight: they evict each other.
  for (int round = 0; round < 10; ++round) {
    Turn(Key("a"), Run(100, 24));
    Turn(Key("b"), Run(500, 24));
  }
  const auto ratios = forecast_.HitRatios();
  // Twelve blocks in turn: half the pool finds nothing, today's a quarter, twice as much all but
  // the first round.
  EXPECT_EQ(ratios[0], 0.0);
  EXPECT_NEAR(ratios[1], 0.3, 0.01);
  EXPECT_NEAR(ratios[2], 0.9, 0.01);
  EXPECT_NEAR(ratios[3], 0.9, 0.01);
}

TEST_F(HitForecastTest, AnAnswersBlocksCountAsWritten) {
  KvSequence sequence = Begin(Key("a"), Run(1, 4));
  WriteTo(sequence, Run(1, 8));
  cache_->CommitTurn(std::move(sequence), 8, Now());
  Turn(Key("a"), Run(1, 9));
  // Three full blocks were looked up: the first one, and both of the second turn's history.
  EXPECT_NEAR(forecast_.HitRatios()[1], 2.0 / 3, 0.001);
}

}  // namespace
}  // namespace pintle::kv

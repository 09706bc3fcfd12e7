// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/return_forecast.h"

#include <memory>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

constexpr absl::Duration kStart = absl::Seconds(1000);

int Age(double seconds) { return ReturnForecast::AgeOf(absl::Seconds(seconds)); }

TEST(ReturnForecastTest, AgesRiseByTheRootOfTwoAndHoldTheirYoungest) {
  EXPECT_EQ(Age(0), 0);
  EXPECT_EQ(Age(0.49), 0);
  EXPECT_EQ(Age(0.5), 1);
  EXPECT_EQ(Age(1e12), ReturnForecast::kAges - 1);
  for (int age = 0; age < ReturnForecast::kAges; ++age) {
    EXPECT_EQ(ReturnForecast::AgeOf(ReturnForecast::YoungestOf(age)), age);
    if (age > 0) {
      EXPECT_EQ(ReturnForecast::AgeOf(ReturnForecast::YoungestOf(age) - absl::Nanoseconds(1)),
                age - 1);
    }
  }
}

TEST(ReturnForecastTest, KnowingNothingAYoungerBlockIsWorthMore) {
  const ReturnForecast forecast;
  for (int age = 1; age < ReturnForecast::kAges; ++age) {
    EXPECT_LT(forecast.Worth(0, age), forecast.Worth(0, age - 1));
  }
}

TEST(ReturnForecastTest, RemembersASessionsLastTurn) {
  ReturnForecast forecast;
  EXPECT_FALSE(forecast.Last(7).known);
  forecast.TurnEnded(7, 1, 10, false, 3, kStart);
  forecast.TurnEnded(7, 2, 12, true, 5, kStart + absl::Seconds(1));
  const ReturnForecast::Observed last = forecast.Last(7);
  EXPECT_TRUE(last.known);
  EXPECT_EQ(last.turns, 2);
  EXPECT_EQ(last.blocks, 12);
  EXPECT_EQ(last.tail, 5);
  EXPECT_EQ(last.at, kStart + absl::Seconds(1));
}

TEST(ReturnForecastTest, TheOldestTurnIsForgottenWhenItsPlaceIsNeeded) {
  ReturnForecast forecast;
  for (std::uint64_t session = 1; session <= ReturnForecast::kTurns + 1; ++session) {
    forecast.TurnEnded(session, 1, 1, false, 0, kStart);
  }
  EXPECT_FALSE(forecast.Last(1).known);
  EXPECT_TRUE(forecast.Last(2).known);
}

// Sessions whose first message is long never come back; the others do after a minute, and after
// their second turn for sure.
class TrainedForecast : public testing::Test {
 protected:
  TrainedForecast() {
    absl::Duration now = kStart;
    for (std::uint64_t i = 0; i < 600; ++i, now += absl::Seconds(1)) {
      forecast_.TurnEnded(1 + 2 * i, 1, 64, false, 0, now);
      forecast_.TurnEnded(2 + 2 * i, 1, 4, false, 0, now);
      if (i >= 60 && i % 2 == 0) forecast_.TurnEnded(2 + 2 * (i - 60), 2, 5, false, 0, now);
      if (i >= 120 && i % 2 == 0) forecast_.TurnEnded(2 + 2 * (i - 120), 3, 6, false, 0, now);
    }
    short_ = forecast_.Last(2 + 2 * 599).kind;
    long_ = forecast_.Last(1 + 2 * 599).kind;
    second_ = forecast_.Last(2 + 2 * (598 - 60)).kind;
  }

  ReturnForecast forecast_;
  std::int32_t short_ = 0;
  std::int32_t long_ = 0;
  std::int32_t second_ = 0;
};

TEST_F(TrainedForecast, KindsThatComeBackAreWorthMoreThanThoseThatDoNot) {
  ASSERT_NE(short_, long_);
  EXPECT_GT(forecast_.Worth(short_, Age(10)), 5 * forecast_.Worth(long_, Age(10)));
}

TEST_F(TrainedForecast, ASecondTurnThatAlwaysReturnsIsWorthMoreThanAFirst) {
  ASSERT_NE(second_, short_);
  EXPECT_GT(forecast_.Worth(second_, Age(10)), 1.2 * forecast_.Worth(short_, Age(10)));
}

TEST_F(TrainedForecast, WorthRisesTowardsTheUsualReturnAndFallsAfterIt) {
  EXPECT_GT(forecast_.Worth(short_, Age(46)), forecast_.Worth(short_, Age(3)));
  EXPECT_LT(forecast_.Worth(short_, Age(200)), forecast_.Worth(short_, Age(46)) / 5);
}

TEST_F(TrainedForecast, AwaitingAToolIsAKindOfItsOwn) {
  forecast_.Retell(2 + 2 * 599, true);
  EXPECT_NE(forecast_.Last(2 + 2 * 599).kind, short_);
  forecast_.Retell(2 + 2 * 599, false);
  EXPECT_EQ(forecast_.Last(2 + 2 * 599).kind, short_);
  forecast_.Retell(999999, true);  // unknown: nothing to tell
}

}  // namespace
}  // namespace pintle::kv

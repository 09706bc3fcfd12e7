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

// Sessions of six turns, seconds apart, none of which ever has a seventh.
TEST(ReturnForecastTest, AFewSessionsThatEndedTeachThatTheirLastTurnIsTheLast) {
  ReturnForecast forecast;
  for (std::uint64_t session = 1; session <= 6; ++session) {
    for (std::int32_t turn = 1; turn <= 6; ++turn) {
      const double at = 2.0 * static_cast<double>(session) + 5 * turn;
      forecast.TurnEnded(session, turn, 8 * turn, false, 0, kStart + absl::Seconds(at));
    }
  }
  // A seventh session now, when the others have been gone for ten to twenty seconds.
  forecast.TurnEnded(7, 1, 8, false, 0, kStart + absl::Seconds(52));
  const std::int32_t sixth = forecast.Last(1).kind;
  forecast.TurnEnded(8, 5, 40, false, 0, kStart + absl::Seconds(52));
  const std::int32_t fifth = forecast.Last(8).kind;
  ASSERT_NE(fifth, sixth);
  EXPECT_GT(forecast.Worth(fifth, Age(3)), 5 * forecast.Worth(sixth, Age(3)));
}

TEST(ReturnForecastTest, ATurnNeverSeenIsExpectedToBeAsTheOneBefore) {
  ReturnForecast forecast;
  for (std::uint64_t session = 1; session <= 50; ++session) {
    const auto at = static_cast<double>(session);
    forecast.TurnEnded(session, 1, 8, false, 0, kStart + absl::Seconds(at));
    if (session > 10) {
      forecast.TurnEnded(session - 10, 2, 16, false, 0, kStart + absl::Seconds(at));
    }
  }
  forecast.TurnEnded(99, 3, 24, false, 0, kStart + absl::Seconds(51));
  const double third = forecast.Worth(forecast.Last(99).kind, Age(5));
  forecast.TurnEnded(98, 4, 32, false, 0, kStart + absl::Seconds(51));
  const double fourth = forecast.Worth(forecast.Last(98).kind, Age(5));
  EXPECT_GT(fourth, 0.5 * third);
  EXPECT_LT(fourth, 2 * third);
}

}  // namespace
}  // namespace pintle::kv

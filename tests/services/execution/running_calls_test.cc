// SPDX-License-Identifier: Apache-2.0
#include "services/execution/running_calls.h"

#include <memory>
#include <utility>

#include "gtest/gtest.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {
namespace {

class RunningCallsTest : public ::testing::Test {
 protected:
  std::shared_ptr<TurnPump> Pump() {
    TurnRequest turn;
    turn.request.input = TokensInput{1};
    auto stream = backend_.Start(std::move(turn));
    return std::make_shared<TurnPump>(*std::move(stream), [](const TurnEvent&) { return true; });
  }

  FakeTurnBackend backend_{[] {
    FakeTurnBackend::Options options;
    options.answer_at_once = false;
    return options;
  }()};
  RunningCalls calls_;
};

TEST_F(RunningCallsTest, ANameIsTakenOnceUntilItIsGivenBack) {
  EXPECT_TRUE(calls_.Reserve("a"));
  EXPECT_FALSE(calls_.Reserve("a"));
  EXPECT_TRUE(calls_.Reserve("b"));
  EXPECT_EQ(calls_.size(), 2U);
  calls_.Remove("a");
  EXPECT_TRUE(calls_.Reserve("a"));
  calls_.Remove("never-there");
}

TEST_F(RunningCallsTest, ACancelReachesItsTurn) {
  ASSERT_TRUE(calls_.Reserve("a"));
  calls_.Attach("a", Pump());
  EXPECT_TRUE(calls_.Cancel("a", CancelMode::kRollback, absl::CancelledError("why")));
  ASSERT_TRUE(backend_.last()->cancelled().has_value());
  EXPECT_FALSE(calls_.Cancel("b", CancelMode::kRollback, absl::CancelledError("why")));
}

TEST_F(RunningCallsTest, ACancelThatComesBeforeTheTurnWaitsForIt) {
  ASSERT_TRUE(calls_.Reserve("a"));
  EXPECT_TRUE(calls_.Cancel("a", CancelMode::kCommitPartial, absl::CancelledError("why")));
  calls_.Attach("a", Pump());
  ASSERT_TRUE(backend_.last()->cancelled().has_value());
  EXPECT_EQ(backend_.last()->cancelled()->first, CancelMode::kCommitPartial);
}

}  // namespace
}  // namespace pintle

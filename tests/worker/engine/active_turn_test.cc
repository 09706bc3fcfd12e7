// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/active_turn.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ActiveTurn Make(std::int32_t n, std::int32_t max_tokens) {
  EngineTurn request;
  request.prompt = {10, 11, 12};
  request.n = n;
  request.stopping.eos_token_ids = {2};
  request.stopping.stop_token_ids = {7};
  request.stopping.min_tokens = 2;
  return ActiveTurn(5, std::move(request), absl::Seconds(9), max_tokens);
}

TEST(ActiveTurnTest, SequenceIdsNameTurnAndChoice) {
  const ActiveTurn turn = Make(3, 10);
  EXPECT_EQ(ActiveTurn::TurnOf(turn.SequenceOf(2)), 5U);
  EXPECT_EQ(ActiveTurn::ChoiceOf(turn.SequenceOf(2)), 2);
  EXPECT_EQ(turn.standing().submitted, absl::Seconds(9));
}

TEST(ActiveTurnTest, TheLastTokenOfAChoiceSaysWhy) {
  ActiveTurn turn = Make(3, 2);
  EXPECT_EQ(turn.Accept(0, 2), FinishReason::kEos);
  EXPECT_EQ(turn.Accept(1, 7), FinishReason::kStop);
  EXPECT_EQ(turn.Accept(2, 50), std::nullopt);
  EXPECT_FALSE(turn.Settled());
  EXPECT_EQ(turn.Accept(2, 51), FinishReason::kLength);
  EXPECT_TRUE(turn.Settled());
  EXPECT_THAT(turn.Output(2), ElementsAre(50, 51));
}

TEST(ActiveTurnTest, EosAndStopIdsAreMaskedUntilMinTokens) {
  ActiveTurn turn = Make(1, 10);
  EXPECT_THAT(turn.Masked(0), ElementsAre(2, 7));
  turn.Accept(0, 50);
  EXPECT_THAT(turn.Masked(0), ElementsAre(2, 7));
  turn.Accept(0, 50);
  EXPECT_THAT(turn.Masked(0), IsEmpty());
}

TEST(ActiveTurnTest, WhatWouldEndAChoiceIsKnownAhead) {
  ActiveTurn turn = Make(1, 3);
  EXPECT_THAT(turn.Masked(0, 1), ElementsAre(2, 7));
  EXPECT_THAT(turn.Masked(0, 2), IsEmpty());
  EXPECT_EQ(turn.Ending(0, 2, 0), FinishReason::kEos);
  EXPECT_EQ(turn.Ending(0, 7, 1), FinishReason::kStop);
  EXPECT_EQ(turn.Ending(0, 50, 1), std::nullopt);
  EXPECT_EQ(turn.Ending(0, 50, 2), FinishReason::kLength);
  turn.Accept(0, 50);
  EXPECT_EQ(turn.OutputLeft(0), 2);
  EXPECT_EQ(turn.Ending(0, 50, 1), FinishReason::kLength);
}

TEST(ActiveTurnTest, OnlyUnendedChoicesBesideTheFirstTakePlaces) {
  ActiveTurn turn = Make(3, 10);
  EXPECT_EQ(turn.Places(), 3);
  turn.choice(0).ended = true;
  EXPECT_EQ(turn.Places(), 3);
  turn.choice(1).ended = true;
  EXPECT_EQ(turn.Places(), 2);
}

TEST(ActiveTurnTest, AdmissionComputesTheKnownTokensOrThePromptToForkFrom) {
  ActiveTurn one = Make(1, 10);
  one.Accept(0, 50);
  EXPECT_THAT(one.AdmissionTokens(), ElementsAre(10, 11, 12, 50));
  ActiveTurn two = Make(2, 10);
  two.Accept(0, 50);
  EXPECT_THAT(two.AdmissionTokens(), ElementsAre(10, 11, 12));
  EXPECT_TRUE(two.AwaitsFork());
  EXPECT_FALSE(one.AwaitsFork());
}

TEST(ActiveTurnTest, WithoutBlocksNothingIsLeftToCompute) {
  const ActiveTurn turn = Make(1, 10);
  EXPECT_EQ(turn.TokensLeft(0), 0);
}

}  // namespace
}  // namespace pintle

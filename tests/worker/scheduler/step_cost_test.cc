// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/step_cost.h"

#include <limits>

#include "gtest/gtest.h"

namespace pintle {
namespace {

constexpr std::int32_t kUnbounded = std::numeric_limits<std::int32_t>::max();

// Decoding takes 10 ms whatever the rows, a prompt's row 0.5 ms.
StepCost Taught() {
  StepCost cost;
  for (int i = 0; i < 50; ++i) {
    cost.Observe(8, 0, absl::Milliseconds(10));
    cost.Observe(8, 100, absl::Milliseconds(60));
  }
  return cost;
}

// Rows beside 8 that decode, with so many milliseconds as the target.
std::int32_t RowsWithin(const StepCost& cost, int milliseconds) {
  return cost.PromptRowsWithin(8, 1, absl::Milliseconds(milliseconds));
}

TEST(StepCostTest, NothingIsKnownBeforeAStep) {
  StepCost cost;
  EXPECT_EQ(cost.DecodeSeconds(1), 0);
  EXPECT_EQ(cost.WidestDecode(), 0);
  cost.Observe(4, 0, absl::Milliseconds(8));
  EXPECT_EQ(cost.DecodeSeconds(1), 0);
}

TEST(StepCostTest, BetweenWhatWasSeenItIsBetweenAndBeyondItGoesOn) {
  StepCost cost;
  cost.Observe(2, 0, absl::Milliseconds(10));
  cost.Observe(6, 0, absl::Milliseconds(18));
  EXPECT_NEAR(cost.DecodeSeconds(4), 0.014, 1e-9);
  EXPECT_NEAR(cost.DecodeSeconds(2), 0.010, 1e-9);
  EXPECT_NEAR(cost.DecodeSeconds(8), 0.022, 1e-9);
  EXPECT_EQ(cost.WidestDecode(), 6);
}

TEST(StepCostTest, BeyondTheOnlyStepItCostsTheSame) {
  StepCost cost;
  cost.Observe(2, 0, absl::Milliseconds(10));
  EXPECT_NEAR(cost.DecodeSeconds(StepCost::kExactRows), 0.010, 1e-9);
}

TEST(StepCostTest, WideStepsShareAFigureWithAnEighthMore) {
  StepCost cost;
  cost.Observe(128, 0, absl::Milliseconds(40));
  cost.Observe(256, 0, absl::Milliseconds(80));
  EXPECT_EQ(cost.WidestDecode(), 256);
  EXPECT_NEAR(cost.DecodeSeconds(143), 0.040, 1e-9);
  EXPECT_NEAR(cost.DecodeSeconds(192), 0.060, 1e-9);
  cost.Observe(1 << 20, 0, absl::Seconds(1));
  EXPECT_EQ(cost.WidestDecode(), 4096);
}

TEST(StepCostTest, ADecodingStepFollowsWhatIsMeasured) {
  StepCost cost;
  for (int i = 0; i < 10; ++i) cost.Observe(1, 0, absl::Milliseconds(10));
  for (int i = 0; i < 60; ++i) cost.Observe(1, 0, absl::Milliseconds(20));
  EXPECT_NEAR(cost.DecodeSeconds(1), 0.020, 0.0005);
}

TEST(StepCostTest, OneDisturbedStepIsSoonTriedAgain) {
  StepCost cost;
  cost.Observe(1, 0, absl::Milliseconds(10));
  cost.Observe(8, 0, absl::Milliseconds(100));
  for (int i = 0; i < 100; ++i) cost.Observe(1, 0, absl::Milliseconds(10));
  EXPECT_LT(cost.DecodeSeconds(8), 0.015);
}

TEST(StepCostTest, WhatWasDearManyTimesIsForgottenSlowly) {
  StepCost cost;
  for (int i = 0; i < 5; ++i) cost.Observe(8, 0, absl::Milliseconds(100));
  for (int i = 0; i < 100; ++i) cost.Observe(1, 0, absl::Milliseconds(10));
  EXPECT_GT(cost.DecodeSeconds(8), 0.080);
  for (int i = 0; i < 5000; ++i) cost.Observe(1, 0, absl::Milliseconds(10));
  EXPECT_LT(cost.DecodeSeconds(8), 0.012);
}

TEST(StepCostTest, StepsWithPromptsAndTimelessOnesTeachNothingOfDecoding) {
  StepCost cost;
  cost.Observe(1, 0, absl::ZeroDuration());
  cost.Observe(1, 1, absl::Milliseconds(10));
  cost.Observe(1, 20, absl::Milliseconds(10));
  cost.Observe(0, 0, absl::Milliseconds(10));
  EXPECT_EQ(cost.WidestDecode(), 0);
}

TEST(StepCostTest, NothingMeasuredBoundsNoPrompt) {
  StepCost cost;
  EXPECT_EQ(RowsWithin(cost, 20), kUnbounded);
  cost.Observe(8, 0, absl::Milliseconds(10));
  EXPECT_EQ(RowsWithin(cost, 20), kUnbounded);
}

TEST(StepCostTest, PromptsAloneAreNotBounded) {
  EXPECT_EQ(Taught().PromptRowsWithin(0, 3, absl::Milliseconds(1)), kUnbounded);
}

TEST(StepCostTest, WhatTheTargetLeavesIsForPrompts) {
  const StepCost cost = Taught();
  EXPECT_NEAR(RowsWithin(cost, 30), 40, 1);
  EXPECT_EQ(RowsWithin(cost, 9), 0);
  EXPECT_EQ(cost.PromptRowsWithin(8, 100, absl::Milliseconds(30)), RowsWithin(cost, 30));
}

TEST(StepCostTest, WithoutATargetAStepTakesLittleMoreThanTwiceItsTime) {
  EXPECT_NEAR(Taught().PromptRowsWithin(8, 1, absl::ZeroDuration()), 24, 1);
}

TEST(StepCostTest, ManyPromptsMaySlowFewStreams) {
  EXPECT_DOUBLE_EQ(StepCost::Slowdown(8, 0), StepCost::Slowdown(8, 1));
  EXPECT_LT(StepCost::Slowdown(8, 1), 2.5);
  EXPECT_DOUBLE_EQ(StepCost::Slowdown(4, 3) - StepCost::Slowdown(4, 1), 4.0);
  EXPECT_GT(StepCost::Slowdown(1, 3), StepCost::Slowdown(2, 3));
  const double more = 10 * (StepCost::Slowdown(8, 4) - 1) / 0.5;
  EXPECT_NEAR(Taught().PromptRowsWithin(8, 4, absl::ZeroDuration()), more, 1);
}

TEST(StepCostTest, ADearerAndACheaperPriceAreBelievedEqually) {
  StepCost dearer = Taught();
  StepCost cheaper = Taught();
  // Half as much again, and as much less.
  for (int i = 0; i < 3; ++i) {
    dearer.Observe(8, 20, absl::Milliseconds(25));
    cheaper.Observe(8, 20, absl::Milliseconds(15));
  }
  const auto price = [](const StepCost& cost) { return 1.0 / RowsWithin(cost, 1010); };
  const double before = price(Taught());
  EXPECT_GT(price(dearer), before);
  EXPECT_NEAR(price(dearer) - before, before - price(cheaper), 0.02 * before);
}

TEST(StepCostTest, OneDisturbedStepMovesThePriceByATenthAtMost) {
  StepCost cost = Taught();
  cost.Observe(8, 20, absl::Seconds(2));
  EXPECT_GE(RowsWithin(cost, 30), 36);
}

TEST(StepCostTest, DecodingThatGetsDearerAmongEndlessPromptsIsNoticed) {
  StepCost cost = Taught();
  // Contexts grow until the decoding takes three times as long; every sixth chunk is a rest.
  for (int i = 0; i < 2000; ++i) {
    const int rows = i % 6 == 5 ? 10 : 40;
    cost.Observe(8, rows, absl::Milliseconds(10 + 0.01 * i + 0.5 * rows));
  }
  // All blamed on the prompts, their rows would seem twice as dear: 12 would fit.
  EXPECT_GT(cost.PromptRowsWithin(8, 1, absl::ZeroDuration()), 20);
}

TEST(StepCostTest, ChunksAsSmallAsTheSchedulersTeach) {
  StepCost cost = Taught();
  for (int i = 0; i < 100; ++i) {
    cost.Observe(8, 0, absl::Milliseconds(10));
    cost.Observe(8, 8, absl::Milliseconds(18));
  }
  EXPECT_NEAR(RowsWithin(cost, 30), 20, 1);
}

TEST(StepCostTest, AnUnknownNumberOfRowsIsJudgedByItsNeighbours) {
  const StepCost cost = Taught();
  EXPECT_NEAR(cost.PromptRowsWithin(64, 1, absl::Milliseconds(30)), 40, 1);
  EXPECT_NEAR(cost.PromptRowsWithin(1, 1, absl::Milliseconds(30)), 40, 1);
}

TEST(StepCostTest, ANarrowStepMeasuredAtABadMomentAllowsNoMore) {
  StepCost cost = Taught();
  cost.Observe(7, 0, absl::Milliseconds(50));
  EXPECT_NEAR(cost.PromptRowsWithin(7, 1, absl::ZeroDuration()), 24, 1);
}

TEST(StepCostTest, FollowsWhatTheMachineDoesNow) {
  StepCost cost = Taught();
  for (int i = 0; i < 100; ++i) cost.Observe(8, 100, absl::Milliseconds(310));
  EXPECT_NEAR(RowsWithin(cost, 40), 10, 1);
  for (int i = 0; i < 100; ++i) cost.Observe(8, 100, absl::Milliseconds(60));
  EXPECT_NEAR(RowsWithin(cost, 30), 40, 1);
}

TEST(StepCostTest, AFewRowsTeachNoPrice) {
  StepCost cost = Taught();
  for (int i = 0; i < 100; ++i) cost.Observe(8, 2, absl::Milliseconds(11));
  EXPECT_NEAR(RowsWithin(cost, 30), 40, 1);
}

TEST(StepCostTest, APromptByItselfIsAPriceUntilThereIsABetterOne) {
  StepCost cost;
  cost.Observe(8, 0, absl::Milliseconds(10));
  cost.Observe(0, 100, absl::Milliseconds(100));
  EXPECT_NEAR(RowsWithin(cost, 30), 20, 1);
  cost.Observe(8, 100, absl::Milliseconds(60));
  EXPECT_NEAR(RowsWithin(cost, 30), 40, 1);
  cost.Observe(0, 100, absl::Milliseconds(100));
  EXPECT_NEAR(RowsWithin(cost, 30), 40, 1);
}

}  // namespace
}  // namespace pintle

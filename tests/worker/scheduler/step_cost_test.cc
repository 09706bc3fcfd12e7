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

TEST(StepCostTest, NothingMeasuredBoundsNothing) {
  StepCost cost;
  EXPECT_EQ(cost.PromptRowsWithin(8, absl::Milliseconds(20)), kUnbounded);
  cost.Observe(8, 0, absl::Milliseconds(10));
  EXPECT_EQ(cost.PromptRowsWithin(8, absl::Milliseconds(20)), kUnbounded);
}

TEST(StepCostTest, PromptsAloneAreNotBounded) {
  EXPECT_EQ(Taught().PromptRowsWithin(0, absl::Milliseconds(1)), kUnbounded);
}

TEST(StepCostTest, WhatTheTargetLeavesIsForPrompts) {
  const StepCost cost = Taught();
  EXPECT_NEAR(cost.PromptRowsWithin(8, absl::Milliseconds(30)), 40, 1);
  EXPECT_EQ(cost.PromptRowsWithin(8, absl::Milliseconds(9)), 0);
}

TEST(StepCostTest, WithoutATargetAStepTakesLittleMoreThanTwiceItsTime) {
  EXPECT_NEAR(Taught().PromptRowsWithin(8, absl::ZeroDuration()), 24, 1);
}

TEST(StepCostTest, AHigherPriceIsBelievedSoonerThanALowerOne) {
  StepCost dearer = Taught();
  StepCost cheaper = Taught();
  // Half as much again, and as much less.
  for (int i = 0; i < 3; ++i) {
    dearer.Observe(8, 20, absl::Milliseconds(25));
    cheaper.Observe(8, 20, absl::Milliseconds(15));
  }
  const std::int32_t rows = Taught().PromptRowsWithin(8, absl::Milliseconds(110));
  const double rise =
      static_cast<double>(rows) / dearer.PromptRowsWithin(8, absl::Milliseconds(110)) - 1;
  const double fall =
      1 - static_cast<double>(rows) / cheaper.PromptRowsWithin(8, absl::Milliseconds(110));
  EXPECT_GT(rise, 1.5 * fall);
}

TEST(StepCostTest, ChunksAsSmallAsTheSchedulersTeach) {
  StepCost cost = Taught();
  for (int i = 0; i < 50; ++i) cost.Observe(8, 8, absl::Milliseconds(18));
  EXPECT_NEAR(cost.PromptRowsWithin(8, absl::Milliseconds(30)), 20, 1);
}

TEST(StepCostTest, AnUnknownNumberOfRowsIsJudgedByItsNeighbours) {
  const StepCost cost = Taught();
  EXPECT_NEAR(cost.PromptRowsWithin(64, absl::Milliseconds(30)), 40, 1);
  EXPECT_NEAR(cost.PromptRowsWithin(1, absl::Milliseconds(30)), 40, 1);
}

TEST(StepCostTest, FollowsWhatTheMachineDoesNow) {
  StepCost cost = Taught();
  for (int i = 0; i < 100; ++i) cost.Observe(8, 100, absl::Milliseconds(110));
  EXPECT_NEAR(cost.PromptRowsWithin(8, absl::Milliseconds(30)), 20, 1);
}

TEST(StepCostTest, AFewRowsTeachNoPrice) {
  StepCost cost = Taught();
  for (int i = 0; i < 100; ++i) cost.Observe(8, 2, absl::Milliseconds(11));
  EXPECT_NEAR(cost.PromptRowsWithin(8, absl::Milliseconds(30)), 40, 1);
}

}  // namespace
}  // namespace pintle

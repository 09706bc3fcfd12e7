// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/row_cost.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(RowCostTest, NothingIsKnownBeforeAStep) {
  RowCost cost;
  EXPECT_EQ(cost.Seconds(1), 0);
  cost.Observe(4, absl::Milliseconds(8));
  EXPECT_EQ(cost.Seconds(1), 0);
}

TEST(RowCostTest, BetweenWhatWasSeenItIsBetweenAndBeyondItGoesOn) {
  RowCost cost;
  cost.Observe(2, absl::Milliseconds(10));
  cost.Observe(6, absl::Milliseconds(18));
  EXPECT_NEAR(cost.Seconds(4), 0.014, 1e-9);
  EXPECT_NEAR(cost.Seconds(2), 0.010, 1e-9);
  EXPECT_NEAR(cost.Seconds(8), 0.022, 1e-9);
  EXPECT_EQ(cost.Widest(), 6);
}

TEST(RowCostTest, BeyondTheOnlyStepItCostsTheSame) {
  RowCost cost;
  EXPECT_EQ(cost.Widest(), 0);
  cost.Observe(2, absl::Milliseconds(10));
  EXPECT_NEAR(cost.Seconds(RowCost::kRows), 0.010, 1e-9);
}

TEST(RowCostTest, FollowsWhatIsMeasured) {
  RowCost cost;
  for (int i = 0; i < 10; ++i) cost.Observe(1, absl::Milliseconds(10));
  for (int i = 0; i < 60; ++i) cost.Observe(1, absl::Milliseconds(20));
  EXPECT_NEAR(cost.Seconds(1), 0.020, 0.0005);
}

TEST(RowCostTest, OneDisturbedStepIsSoonTriedAgain) {
  RowCost cost;
  cost.Observe(1, absl::Milliseconds(10));
  cost.Observe(8, absl::Milliseconds(100));
  for (int i = 0; i < 100; ++i) cost.Observe(1, absl::Milliseconds(10));
  EXPECT_LT(cost.Seconds(8), 0.015);
}

TEST(RowCostTest, WhatWasDearManyTimesIsForgottenSlowly) {
  RowCost cost;
  for (int i = 0; i < 5; ++i) cost.Observe(8, absl::Milliseconds(100));
  for (int i = 0; i < 100; ++i) cost.Observe(1, absl::Milliseconds(10));
  EXPECT_GT(cost.Seconds(8), 0.080);
  for (int i = 0; i < 5000; ++i) cost.Observe(1, absl::Milliseconds(10));
  EXPECT_LT(cost.Seconds(8), 0.012);
}

TEST(RowCostTest, WiderThanItsTableAndTimelessStepsTeachNothing) {
  RowCost cost;
  cost.Observe(RowCost::kRows + 1, absl::Milliseconds(10));
  cost.Observe(1, absl::ZeroDuration());
  EXPECT_EQ(cost.Seconds(RowCost::kRows), 0);
}

}  // namespace
}  // namespace pintle

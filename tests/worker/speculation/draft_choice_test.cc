// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/draft_choice.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::Each;
using ::testing::IsEmpty;

// `first` ms for one row and `more` ms for each further one.
StepCost Costs(double first, double more, int rows = StepCost::kExactRows) {
  StepCost cost;
  for (int i = 1; i <= rows; ++i) cost.Observe(i, 0, absl::Milliseconds(first + more * (i - 1)));
  return cost;
}

TEST(DraftChoiceTest, NearlyFreeRowsAreFilledWithLikelyDrafts) {
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, Costs(10, 0.1)), ElementsAre(8));
}

TEST(DraftChoiceTest, NothingIsTriedWhereARowCostsAsMuchAsTheFirst) {
  EXPECT_THAT(ChooseDrafts({{{8, 0.95}}}, 1, Costs(10, 10)), ElementsAre(0));
}

TEST(DraftChoiceTest, AsManyAsPay) {
  // The third draft comes with odds of 1/8 and a row costs 8 %.
  EXPECT_THAT(ChooseDrafts({{{8, 0.5}}}, 1, Costs(10, 0.8)), ElementsAre(3));
}

TEST(DraftChoiceTest, AGainThatMeasuresMayBeWrongByIsNone) {
  EXPECT_THAT(ChooseDrafts({{{8, 0.06}}}, 1, Costs(10, 0.2)), ElementsAre(0));
  EXPECT_THAT(ChooseDrafts({{{8, 0.2}}}, 1, Costs(10, 0.2)), ElementsAre(2));
}

TEST(DraftChoiceTest, ARowThatWasMeasuredAsFreeHasAPrice) {
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, Costs(10, 0)), ElementsAre(8));
  EXPECT_THAT(ChooseDrafts({{{8, 0.15}}}, 1, Costs(10, 0)), ElementsAre(1));
  EXPECT_THAT(ChooseDrafts({{{8, 0.06}}}, 1, Costs(10, 0)), ElementsAre(0));
}

TEST(DraftChoiceTest, WithoutMeasuresNothingAndWiderThanMeasuredIsTriedStepByStep) {
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, StepCost()), ElementsAre(0));
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, Costs(10, 0, 1)), ElementsAre(1));
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, Costs(10, 0.1, 2)), ElementsAre(3));
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, 1, Costs(10, 10, 2)), ElementsAre(0));
}

TEST(DraftChoiceTest, TheLikelierSequenceComesFirst) {
  const auto chosen = ChooseDrafts({{{8, 0.3}, {8, 0.95}}}, 2, Costs(10, 0.7));
  EXPECT_GT(chosen[1], chosen[0]);
}

TEST(DraftChoiceTest, OthersWaitTenPercentAtMost) {
  // A row costs 3 % of the step of two; alone all eight would pay.
  EXPECT_THAT(ChooseDrafts({{{8, 0.95}}}, 2, Costs(9.7, 0.3)), ElementsAre(3));
  EXPECT_THAT(ChooseDrafts({{{8, 0.95}, {8, 0.95}}}, 2, Costs(9.7, 0.3)), ElementsAre(8, 8));
  // What was measured counts: the least price of a row is for what drafts bring.
  EXPECT_THAT(ChooseDrafts({{{8, 0.95}}}, 2, Costs(10, 0.02)), ElementsAre(8));
}

TEST(DraftChoiceTest, WideBatchesAndNoOffersGetNothing) {
  EXPECT_THAT(ChooseDrafts({}, 4, Costs(10, 0)), IsEmpty());
  EXPECT_THAT(ChooseDrafts({{{8, 0.9}}}, StepCost::kExactRows, Costs(10, 0)), Each(0));
}

}  // namespace
}  // namespace pintle

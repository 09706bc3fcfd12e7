// SPDX-License-Identifier: Apache-2.0
#include "contract/check.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(CheckTest, AHoldingInvariantEvaluatesItsConditionOnce) {
  int evaluations = 0;
  PINTLE_CHECK(++evaluations == 1, "never printed");
  EXPECT_EQ(evaluations, 1);
}

TEST(CheckTest, ABrokenInvariantStopsTheProcessAndSaysWhich) {
  const int blocks = 3;
  EXPECT_DEATH(PINTLE_CHECK(blocks == 4, "blocks were lost"),
               "check_test.cc:[0-9]+: invariant broken: blocks == 4: blocks were lost");
}

TEST(CheckTest, IsOneStatement) {
  bool reached = false;
  if (reached)
    PINTLE_CHECK(false, "not reached");
  else
    reached = true;
  EXPECT_TRUE(reached);
}

}  // namespace
}  // namespace pintle

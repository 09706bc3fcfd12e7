// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/slru_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

TEST(SlruPolicyTest, WhatWasUsedTwiceOutlivesAYoungerScan) {
  const PolicyTree tree(10);
  SlruPolicy policy(10, tree);
  for (const BlockIndex block : {0, 1}) Write(policy, block, absl::Seconds(block));
  Use(policy, 0, absl::Seconds(2));
  for (const BlockIndex block : {2, 3, 4}) Write(policy, block, absl::Seconds(block + 1));
  EXPECT_THAT(Order(policy, 5, absl::Seconds(9)), testing::ElementsAre(1, 2, 3, 4, 0));
}

TEST(SlruPolicyTest, TheOldestProtectedIsOnProbationAgainWhenTheSegmentIsFull) {
  const PolicyTree tree(5);  // four of them may be protected
  SlruPolicy policy(5, tree);
  for (const BlockIndex block : {0, 1, 2, 3, 4}) Write(policy, block, absl::Seconds(1));
  for (const BlockIndex block : {2, 0, 1, 3}) Use(policy, block, absl::Seconds(2));
  EXPECT_THAT(Order(policy, 5, absl::Seconds(3)), testing::ElementsAre(4, 2, 0, 1, 3));
  Use(policy, 4, absl::Seconds(3));
  // 2 is on probation, at its newest end: the next new block comes after it.
  policy.Erase(3);
  Write(policy, 3, absl::Seconds(4));
  EXPECT_THAT(Order(policy, 5, absl::Seconds(5)), testing::ElementsAre(2, 3, 0, 1, 4));
  EXPECT_TRUE(policy.CheckInvariants().ok()) << policy.CheckInvariants();
}

}  // namespace
}  // namespace pintle::kv

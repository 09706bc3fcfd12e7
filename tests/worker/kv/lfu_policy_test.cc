// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/lfu_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

TEST(LfuPolicyTest, TheLeastUsedGoesFirstHoweverRecent) {
  const PolicyTree tree(4);
  LfuPolicy policy(4, tree);
  for (const BlockIndex block : {0, 1, 2, 3}) Write(policy, block, absl::Seconds(block));
  for (int i = 0; i < 3; ++i) Use(policy, 0, absl::Seconds(10));
  Use(policy, 2, absl::Seconds(20));
  EXPECT_THAT(Order(policy, 4, absl::Seconds(30)), testing::ElementsAre(1, 3, 2, 0));
}

TEST(LfuPolicyTest, ACountEndsWithItsBlock) {
  const PolicyTree tree(2);
  LfuPolicy policy(2, tree);
  Write(policy, 0, absl::Seconds(0));
  for (int i = 0; i < 5; ++i) Use(policy, 0, absl::Seconds(1));
  policy.Erase(0);
  Write(policy, 1, absl::Seconds(2));
  Use(policy, 1, absl::Seconds(3));
  Write(policy, 0, absl::Seconds(4));
  EXPECT_THAT(Order(policy, 2, absl::Seconds(5)), testing::ElementsAre(0, 1));
}

}  // namespace
}  // namespace pintle::kv

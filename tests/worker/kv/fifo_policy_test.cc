// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/fifo_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

TEST(FifoPolicyTest, UseDoesNotSaveABlock) {
  const PolicyTree tree(3);
  FifoPolicy policy(3, tree);
  Write(policy, 2, absl::Seconds(0));
  Write(policy, 0, absl::Seconds(1));
  Write(policy, 1, absl::Seconds(2));
  Use(policy, 2, absl::Seconds(9));
  Use(policy, 0, absl::Seconds(10));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(11)), testing::ElementsAre(2, 0, 1));
}

TEST(FifoPolicyTest, AChildGoesBeforeItsOlderParent) {
  PolicyTree tree(3);
  tree.Chain({0, 1});
  FifoPolicy policy(3, tree);
  policy.Insert(0, absl::Seconds(1));
  policy.Insert(2, absl::Seconds(2));
  policy.Insert(1, absl::Seconds(3));
  for (const BlockIndex block : {1, 0, 2}) policy.Evictable(block, absl::Seconds(4));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(5)), testing::ElementsAre(2, 1, 0));
}

}  // namespace
}  // namespace pintle::kv

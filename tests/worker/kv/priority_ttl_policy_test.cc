// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/priority_ttl_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

TEST(PriorityTtlPolicyTest, PrioritiesGoBeforeAgeAndAgeDecidesAmongEquals) {
  PolicyTree tree(4);
  tree.facts[0].priority = 90;
  tree.facts[2].priority = 10;
  for (BlockFacts& facts : tree.facts) {
    if (facts.priority != 50) facts.retained_until = absl::Hours(1);
  }
  PriorityTtlPolicy policy(4, tree);
  for (const BlockIndex block : {0, 3, 1, 2}) Write(policy, block, absl::Seconds(1));
  EXPECT_THAT(Order(policy, 4, absl::Seconds(2)), testing::ElementsAre(2, 3, 1, 0));
}

TEST(PriorityTtlPolicyTest, ATtlThatEndsEndsThePriority) {
  PolicyTree tree(3);
  tree.facts[0].priority = 90;
  tree.facts[0].retained_until = absl::Seconds(60);
  PriorityTtlPolicy policy(3, tree);
  for (const BlockIndex block : {0, 1}) Write(policy, block, absl::Seconds(1));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(59)), testing::ElementsAre(1, 0));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(60)), testing::ElementsAre(0, 1));
  Write(policy, 2, absl::Seconds(61));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(61)), testing::ElementsAre(0, 1, 2));
}

TEST(PriorityTtlPolicyTest, APinGivenLaterCountsFromTheEventOn) {
  PolicyTree tree(2);
  PriorityTtlPolicy policy(2, tree);
  for (const BlockIndex block : {0, 1}) Write(policy, block, absl::Seconds(1));
  tree.facts[0].priority = 51;
  tree.facts[0].retained_until = absl::Hours(1);
  policy.Changed(0, absl::Seconds(2));
  EXPECT_THAT(Order(policy, 2, absl::Seconds(3)), testing::ElementsAre(1, 0));
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/cost_aware_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

TEST(CostAwarePolicyTest, TheEndOfALongChainStaysBeforeYoungerShallowBlocks) {
  PolicyTree tree(4);
  tree.At(0).depth = 512;  // three times the cost of a first block
  CostAwarePolicy policy(4, tree);
  for (const BlockIndex block : {0, 1, 2}) Write(policy, block, absl::Seconds(block));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(9)), testing::ElementsAre(1, 2, 0));
}

TEST(CostAwarePolicyTest, UsesAndTokensMultiply) {
  PolicyTree tree(3);
  tree.facts[0].reuse = 2;   // three uses of 16 tokens
  tree.facts[1].tokens = 8;  // half full: half the time for the same bytes
  CostAwarePolicy policy(3, tree);
  for (const BlockIndex block : {0, 2, 1}) Write(policy, block, absl::Seconds(block));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(9)), testing::ElementsAre(1, 2, 0));
}

TEST(CostAwarePolicyTest, ScoresAreAgePlusUsesTimesCost) {
  PolicyTree tree(3);
  tree.At(1).depth = 8;
  CostAwarePolicy policy(3, tree, {.base = 2.0, .per_block = 0.5});
  for (const BlockIndex block : {0, 1}) Write(policy, block, absl::Seconds(1));
  std::vector<Victim> victims;
  policy.Propose(2, absl::Seconds(2), OfferAll, &victims);
  EXPECT_THAT(victims, testing::ElementsAre(Victim{0, 32}, Victim{1, 96}));
  EXPECT_THAT(Evict(policy, 1, absl::Seconds(2)), testing::ElementsAre(0));
  Write(policy, 2, absl::Seconds(3));
  victims.clear();
  policy.Propose(2, absl::Seconds(4), OfferAll, &victims);
  EXPECT_THAT(victims, testing::ElementsAre(Victim{2, 64}, Victim{1, 96})) << "ages from 32";
}

TEST(CostAwarePolicyTest, APriorityWeighsWhileItsTtlLasts) {
  PolicyTree tree(2);
  tree.facts[0].priority = 100;
  tree.facts[0].retained_until = absl::Seconds(60);
  CostAwarePolicy policy(2, tree);
  for (const BlockIndex block : {0, 1}) Write(policy, block, absl::Seconds(1));
  EXPECT_THAT(Order(policy, 2, absl::Seconds(59)), testing::ElementsAre(1, 0));
  EXPECT_THAT(Order(policy, 2, absl::Seconds(61)), testing::ElementsAre(0, 1));
}

}  // namespace
}  // namespace pintle::kv

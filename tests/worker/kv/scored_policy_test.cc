// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/scored_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

// As little as a policy takes: the session with the most turns stays longest.
class TurnsPolicy : public ScoredPolicy {
 public:
  TurnsPolicy(std::int32_t blocks, const BlockTree& tree) : ScoredPolicy(blocks, tree) {}
  absl::string_view name() const override { return "turns"; }

 protected:
  LeafRank Rank(BlockIndex block, absl::Duration /*now*/) const override {
    LeafRank rank;
    rank.score = tree().Facts(block).turns;
    return rank;
  }
};

TEST(ScoredPolicyTest, TheLowestRankGoesFirstAndChangedFactsMoveABlock) {
  PolicyTree tree(3);
  tree.facts[0].turns = 2;
  tree.facts[1].turns = 1;
  tree.facts[2].turns = 3;
  TurnsPolicy policy(3, tree);
  for (const BlockIndex block : {0, 1, 2}) Write(policy, block, absl::Seconds(1));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(2)), testing::ElementsAre(1, 0, 2));
  tree.facts[1].turns = 9;
  EXPECT_THAT(Order(policy, 3, absl::Seconds(2)), testing::ElementsAre(1, 0, 2))
      << "facts count from the event on";
  policy.Changed(1, absl::Seconds(2));
  EXPECT_THAT(Order(policy, 3, absl::Seconds(2)), testing::ElementsAre(0, 2, 1));
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/leaf_order.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"
#include "worker/kv/leaf_walk.h"

namespace pintle::kv {
namespace {

LeafRank Score(double score) {
  LeafRank rank;
  rank.score = score;
  return rank;
}

std::vector<BlockIndex> All(const LeafOrder& order, absl::Duration now) {
  LeafWalk walk(order);
  std::vector<Victim> victims;
  walk.Propose(100, now, OfferAll, &victims);
  std::vector<BlockIndex> blocks;
  for (const Victim& victim : victims) blocks.push_back(victim.block);
  return blocks;
}

TEST(LeafOrderTest, OnlyLeavesAreInOrderAndParentsFollowTheirLastChild) {
  PolicyTree tree(4);
  tree.Chain({0, 1});
  tree.Chain({0, 2});
  LeafOrder order(4, tree);
  order.Add(1, Score(5));
  order.Add(2, Score(7));
  order.Add(0, Score(1));
  order.Add(3, Score(6));
  EXPECT_THAT(All(order, absl::ZeroDuration()), testing::ElementsAre(1, 3, 2, 0));
  EXPECT_TRUE(order.CheckInvariants().ok()) << order.CheckInvariants();
}

TEST(LeafOrderTest, AParentWhoseChildIsInUseAgainIsNoCandidateOnceItIsRemovedToo) {
  PolicyTree tree(2);
  tree.Chain({0, 1});
  LeafOrder order(2, tree);
  order.Add(1, Score(1));
  order.Add(0, Score(1));
  order.Remove(1);
  order.Remove(0);
  EXPECT_TRUE(All(order, absl::ZeroDuration()).empty());
  EXPECT_FALSE(order.Contains(0));
  EXPECT_TRUE(order.CheckInvariants().ok()) << order.CheckInvariants();
}

TEST(LeafOrderTest, AScoreChangesAtItsTimeWhetherTheOrderWasAdvancedOrNot) {
  const PolicyTree tree(3);
  LeafOrder order(3, tree);
  LeafRank retained = Score(10);
  retained.until = absl::Seconds(60);
  retained.later_score = 0;
  order.Add(0, retained);
  order.Add(1, Score(5));
  order.Add(2, Score(20));
  EXPECT_THAT(All(order, absl::Seconds(59)), testing::ElementsAre(1, 0, 2));
  EXPECT_THAT(All(order, absl::Seconds(60)), testing::ElementsAre(0, 1, 2));
  order.Advance(absl::Seconds(60));
  EXPECT_THAT(All(order, absl::Seconds(60)), testing::ElementsAre(0, 1, 2));
  EXPECT_TRUE(order.CheckInvariants().ok()) << order.CheckInvariants();
}

TEST(LeafOrderTest, AChangedRankMovesABlockAndKeepsItsTurnAmongEquals) {
  const PolicyTree tree(3);
  LeafOrder order(3, tree);
  for (const BlockIndex block : {0, 1, 2}) order.Add(block, Score(1));
  order.Change(0, Score(2));
  EXPECT_THAT(All(order, absl::ZeroDuration()), testing::ElementsAre(1, 2, 0));
  order.Change(0, Score(1));
  EXPECT_THAT(All(order, absl::ZeroDuration()), testing::ElementsAre(0, 1, 2));
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/leaf_walk.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

class LeafWalkTest : public testing::Test {
 protected:
  LeafWalkTest() {
    tree_.Chain({0, 1, 2});
    Add(2, 3, 0);
    Add(1, 2, 1);
    Add(0, 1, 0);
    Add(3, 4, 0);
  }
  void Add(BlockIndex block, double score, std::int32_t lane) {
    LeafRank rank;
    rank.score = score;
    rank.lane = lane;
    order_.Add(block, rank);
  }

  PolicyTree tree_{5};
  LeafOrder order_{5, tree_, 2};
  LeafWalk walk_{order_};
};

TEST_F(LeafWalkTest, AFreedParentJoinsItsOwnLane) {
  walk_.Begin(absl::ZeroDuration());
  EXPECT_EQ(walk_.Next(0).block, 2);
  EXPECT_EQ(walk_.Next(1).block, kNoBlock);
  walk_.Take(0);
  EXPECT_EQ(walk_.Next(1).block, 1);
  EXPECT_EQ(walk_.Next(0).block, 3);
  walk_.Take(1);
  EXPECT_EQ(walk_.Next(0).block, 0);
}

TEST_F(LeafWalkTest, AKeptBlockKeepsItsAncestors) {
  std::vector<Victim> victims;
  walk_.Propose(9, absl::ZeroDuration(), [](BlockIndex block) { return block != 2; }, &victims);
  EXPECT_THAT(victims, testing::ElementsAre(Victim{3, 4}));
}

TEST_F(LeafWalkTest, AMovedBlockIsMetAgainInItsNewLaneAndStillFreesItsParent) {
  walk_.Begin(absl::ZeroDuration());
  walk_.Move(0, 1, 9);
  EXPECT_EQ(walk_.Next(0).block, 3);
  EXPECT_EQ(walk_.Next(1).block, 2);
  EXPECT_EQ(walk_.Next(1).moves, 1);
  EXPECT_EQ(walk_.Next(1).score, 9);
  walk_.Take(1);
  EXPECT_EQ(walk_.Next(1).block, 1);
}

TEST_F(LeafWalkTest, WalksChangeNothing) {
  for (int i = 0; i < 3; ++i) {
    walk_.Begin(absl::ZeroDuration());
    EXPECT_EQ(walk_.Next(0).block, 2);
    walk_.Take(0);
    walk_.Take(1);
  }
  EXPECT_TRUE(order_.CheckInvariants().ok()) << order_.CheckInvariants();
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/session_aware_policy.h"

#include <map>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

// Chains whose facts a test says outright.
class ToldTree : public BlockTree {
 public:
  BlockIndex Parent(BlockIndex block) const override { return parents_.at(block); }
  std::int32_t Children(BlockIndex block) const override {
    std::int32_t children = 0;
    for (const auto& [child, parent] : parents_) children += parent == block ? 1 : 0;
    return children;
  }
  std::int32_t Depth(BlockIndex block) const override {
    const BlockIndex parent = Parent(block);
    return parent == kNoBlock ? 0 : Depth(parent) + 1;
  }
  BlockFacts Facts(BlockIndex block) const override {
    const auto found = facts_.find(block);
    return found == facts_.end() ? BlockFacts{} : found->second;
  }

  std::map<BlockIndex, BlockIndex> parents_;
  std::map<BlockIndex, BlockFacts> facts_;
};

class SessionAwarePolicyTest : public testing::Test {
 protected:
  // A chain of one block with one session's first turn, ended at `at` seconds.
  void Turn(BlockIndex block, double at, BlockFacts facts = {}) {
    tree_.parents_[block] = kNoBlock;
    facts.sessions = 1;
    facts.session = static_cast<std::uint64_t>(block) + 1;
    if (facts.turns == 0) facts.turns = 1;
    tree_.facts_[block] = facts;
    policy_.Insert(block, absl::Seconds(at));
    policy_.Evictable(block, absl::Seconds(at));
  }
  std::vector<BlockIndex> Order(double now) const {
    std::vector<Victim> victims;
    policy_.Propose(100, absl::Seconds(now), OfferAll, &victims);
    std::vector<BlockIndex> blocks;
    for (const Victim& victim : victims) blocks.push_back(victim.block);
    return blocks;
  }

  ToldTree tree_;
  SessionAwarePolicy policy_{100, tree_};
};

using Blocks = std::vector<BlockIndex>;

TEST_F(SessionAwarePolicyTest, KnowingNothingTheLongestIdleGoesFirst) {
  Turn(0, 100);
  Turn(1, 40);
  Turn(2, 70);
  EXPECT_EQ(Order(110), (Blocks{1, 2, 0}));
}

TEST_F(SessionAwarePolicyTest, AClosedSessionGoesBeforeEveryOpenOne) {
  Turn(0, 1);
  Turn(1, 100, {.outlook = SessionOutlook::kClosed});
  EXPECT_EQ(Order(101), (Blocks{1, 0}));
}

TEST_F(SessionAwarePolicyTest, ClosingASessionMovesItToTheFront) {
  Turn(0, 1);
  Turn(1, 100);
  EXPECT_EQ(Order(101), (Blocks{0, 1}));
  tree_.facts_[1].outlook = SessionOutlook::kClosed;
  policy_.Changed(1, absl::Seconds(101));
  EXPECT_EQ(Order(101), (Blocks{1, 0}));
}

TEST_F(SessionAwarePolicyTest, ASessionThatSaysItIsSoonBackStays) {
  Turn(0, 10, {.expected_return = absl::Seconds(105)});
  Turn(1, 60);
  EXPECT_EQ(Order(101), (Blocks{1, 0}));
}

TEST_F(SessionAwarePolicyTest, ASessionThatSaysItIsLongAwayGoes) {
  Turn(0, 99, {.expected_return = absl::Seconds(100000)});
  Turn(1, 40);
  EXPECT_EQ(Order(101), (Blocks{0, 1}));
}

TEST_F(SessionAwarePolicyTest, OfTwoHintsTheLaterReturnGoesFirst) {
  Turn(0, 10, {.expected_return = absl::Seconds(150)});
  Turn(1, 10, {.expected_return = absl::Seconds(900)});
  EXPECT_EQ(Order(101), (Blocks{1, 0}));
}

TEST_F(SessionAwarePolicyTest, AnExpiredHintCountsNoMore) {
  Turn(0, 10, {.expected_return = absl::Seconds(20)});
  Turn(1, 5000);
  EXPECT_EQ(Order(5000), (Blocks{0, 1}));
  Turn(2, 9000);  // any event later
  EXPECT_EQ(Order(9000), (Blocks{0, 1, 2}));
}

TEST_F(SessionAwarePolicyTest, AHigherPriorityOutweighsSomeIdleTime) {
  Turn(0, 40, {.priority = 100});
  Turn(1, 90);
  Turn(2, 99, {.priority = 0});
  EXPECT_EQ(Order(100), (Blocks{2, 1, 0}));
}

TEST_F(SessionAwarePolicyTest, WhatOtherConversationsUseAgainStaysLongest) {
  Turn(0, 1);
  Turn(1, 2);
  // Two more conversations begin with block 1: it is found again, and they end in blocks of theirs.
  for (const BlockIndex child : {2, 3}) {
    const absl::Duration now = absl::Seconds(child * 10);
    policy_.Protected(1);
    policy_.Access(1, now);
    tree_.parents_[child] = 1;
    tree_.facts_[child] = {.sessions = 1, .turns = 1};
    tree_.facts_[child].session = 100U + static_cast<std::uint64_t>(child);
    policy_.Insert(child, now);
    policy_.Evictable(child, now);
    policy_.Evictable(1, now);
  }
  const Blocks order = Order(31);
  ASSERT_EQ(order.size(), 4U);
  EXPECT_EQ(order.back(), 1);
}

TEST_F(SessionAwarePolicyTest, LearnsThatSecondTurnsReturnAndFirstOnesDoNot) {
  // 80 sessions: odd ones never return; even ones take a turn every ten seconds.
  double now = 0;
  for (int round = 0; round < 30; ++round, now += 10) {
    for (BlockIndex block = 0; block < 8; block += 2) {
      BlockFacts& facts = tree_.facts_[block];
      if (round > 0) {
        policy_.Protected(block);
        policy_.Access(block, absl::Seconds(now));
        ++facts.turns;
        policy_.Evictable(block, absl::Seconds(now));
      } else {
        Turn(block, now);
      }
    }
    Turn(static_cast<BlockIndex>(10 + round), now + 1);
  }
  // Idle for nine seconds, the faithful outlive a first turn just ended.
  const Blocks order = Order(now - 0.5);
  ASSERT_EQ(order.size(), 34U);
  for (std::size_t i = 30; i < 34; ++i) EXPECT_LT(order[i], 8) << "place " << i;
}

TEST_F(SessionAwarePolicyTest, WhatIsNotOnOfferStaysAndItsParentsWithIt) {
  Turn(0, 1);
  Turn(1, 2);
  std::vector<Victim> victims;
  policy_.Propose(9, absl::Seconds(3), [](BlockIndex block) { return block != 0; }, &victims);
  ASSERT_EQ(victims.size(), 1U);
  EXPECT_EQ(victims[0].block, 1);
}

}  // namespace
}  // namespace pintle::kv

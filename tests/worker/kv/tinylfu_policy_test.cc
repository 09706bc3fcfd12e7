// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/tinylfu_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

// Eight blocks: a window of one before a main part of seven. Block b's content is 100 + b.
class TinyLfuPolicyTest : public testing::Test {
 protected:
  TinyLfuPolicyTest() {
    for (BlockIndex block = 0; block < 8; ++block) {
      tree_.At(block).content = 100 + static_cast<std::uint64_t>(block);
    }
  }
  void TearDown() override {
    EXPECT_TRUE(policy_.CheckInvariants().ok()) << policy_.CheckInvariants();
  }
  // Evicts one, whose block a new content takes.
  BlockIndex Replace(std::uint64_t content) {
    const BlockIndex block = Evict(policy_, 1, now_).at(0);
    tree_.At(block).content = content;
    Write(policy_, block, now_);
    return block;
  }

  PolicyTree tree_{8};
  TinyLfuPolicy policy_{8, tree_};
  absl::Duration now_ = absl::Seconds(1);
};

TEST_F(TinyLfuPolicyTest, AScanIsTurnedAwayByWhatIsUsed) {
  for (BlockIndex block = 0; block < 8; ++block) Write(policy_, block, now_);
  for (BlockIndex block = 0; block < 7; ++block) Use(policy_, block, now_);
  // Each content of the scan pushes out the one before it, the window's only block.
  for (std::uint64_t content = 1000; content < 1020; ++content) EXPECT_EQ(Replace(content), 7);
}

TEST_F(TinyLfuPolicyTest, TheLessFrequentContentLosesTheContest) {
  for (BlockIndex block = 0; block < 8; ++block) Write(policy_, block, now_);
  // 0..6 flowed into the main part, 7 is in the window; equals decide for the resident.
  EXPECT_THAT(Order(policy_, 3, now_), testing::ElementsAre(7, 0, 1));
  Use(policy_, 7, now_);
  EXPECT_THAT(Order(policy_, 3, now_), testing::ElementsAre(0, 1, 2));
  EXPECT_THAT(Evict(policy_, 1, now_), testing::ElementsAre(0));
  // The winner was let in, behind those on probation.
  tree_.At(0).content = 500;
  Write(policy_, 0, now_);
  EXPECT_THAT(Order(policy_, 8, now_), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST_F(TinyLfuPolicyTest, WhatWasPopularBeforeItsEvictionIsLetIn) {
  for (int i = 0; i < 5; ++i) {
    Write(policy_, 0, now_);
    policy_.Erase(0);  // gone and written again: the sketch remembers
  }
  for (const BlockIndex block : {1, 2, 3, 4, 5, 6, 7, 0}) Write(policy_, block, now_);
  std::vector<Victim> victims;
  policy_.Propose(1, now_, OfferAll, &victims);
  EXPECT_THAT(victims, testing::ElementsAre(Victim{1, 1}));
}

TEST_F(TinyLfuPolicyTest, AProtectedBlockOutlivesProbationHoweverOften) {
  for (BlockIndex block = 0; block < 8; ++block) Write(policy_, block, now_);
  Use(policy_, 0, now_);
  for (int i = 0; i < 3; ++i) Use(policy_, 7, now_);
  EXPECT_THAT(Order(policy_, 8, now_), testing::ElementsAre(1, 2, 3, 4, 5, 6, 7, 0));
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/s3fifo_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/policy_tree.h"

namespace pintle::kv {
namespace {

// Twenty blocks: the small queue holds two. Block b's content is 100 + b.
class S3FifoPolicyTest : public testing::Test {
 protected:
  S3FifoPolicyTest() {
    for (BlockIndex block = 0; block < 20; ++block) {
      tree_.At(block).content = 100 + static_cast<std::uint64_t>(block);
    }
  }
  void TearDown() override {
    EXPECT_TRUE(policy_.CheckInvariants().ok()) << policy_.CheckInvariants();
  }

  PolicyTree tree_{20};
  S3FifoPolicy policy_{20, tree_};
  absl::Duration now_ = absl::Seconds(1);
};

TEST_F(S3FifoPolicyTest, OneHitWondersLeaveThroughTheSmallQueue) {
  for (const BlockIndex block : {0, 1, 2, 3, 4, 5}) Write(policy_, block, now_);
  // Used twice more; of lru's order only their places would remain.
  for (const BlockIndex block : {0, 1, 0, 1}) Use(policy_, block, now_);
  // Once more is not enough to leave the small queue alive.
  Use(policy_, 2, now_);
  EXPECT_THAT(Evict(policy_, 3, now_), testing::ElementsAre(2, 3, 4));
}

TEST_F(S3FifoPolicyTest, AGhostHitGoesToTheMainQueue) {
  for (const BlockIndex block : {0, 1, 2, 3}) Write(policy_, block, now_);
  EXPECT_THAT(Evict(policy_, 1, now_), testing::ElementsAre(0));
  tree_.At(4).content = 100;  // what was evicted is written again elsewhere
  Write(policy_, 4, now_);
  tree_.At(0).content = 999;  // a stranger takes the block
  Write(policy_, 0, now_);
  Write(policy_, 5, now_);
  // The small queue drains first, and 4 is not in it though it is older than 0.
  EXPECT_THAT(Order(policy_, 6, now_), testing::ElementsAre(1, 2, 3, 0, 4, 5));
}

TEST_F(S3FifoPolicyTest, EachUseBuysARoundInTheMainQueue) {
  for (const BlockIndex block : {0, 1, 2}) Write(policy_, block, now_);
  for (int i = 0; i < 2; ++i) {
    for (const BlockIndex block : {0, 1, 2}) Use(policy_, block, now_);
  }
  for (const BlockIndex block : {3, 4}) Write(policy_, block, now_);
  // To make the first room all three move to the main queue, and that is remembered.
  EXPECT_THAT(Evict(policy_, 1, now_), testing::ElementsAre(3));
  Use(policy_, 0, now_);
  Use(policy_, 4, now_);
  EXPECT_THAT(Order(policy_, 4, now_), testing::ElementsAre(1, 2, 0, 4));
  Use(policy_, 1, now_);
  EXPECT_THAT(Order(policy_, 4, now_), testing::ElementsAre(2, 0, 1, 4));
}

TEST_F(S3FifoPolicyTest, AProposalSpendsNothingAndItsCommitDoes) {
  for (const BlockIndex block : {0, 1, 2, 3}) Write(policy_, block, now_);
  for (const BlockIndex block : {0, 0}) Use(policy_, block, now_);
  EXPECT_THAT(Order(policy_, 4, now_), testing::ElementsAre(1, 2, 0, 3));
  EXPECT_THAT(Order(policy_, 4, now_), testing::ElementsAre(1, 2, 0, 3));
  EXPECT_THAT(Evict(policy_, 1, now_), testing::ElementsAre(1));
  EXPECT_THAT(Order(policy_, 3, now_), testing::ElementsAre(2, 0, 3));
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/tier/tier_index.h"

#include <vector>

#include "gtest/gtest.h"

namespace pintle::tier {
namespace {

class TierIndexTest : public testing::Test {
 protected:
  void TearDown() override { Check(); }
  void Check() {
    const absl::Status status = index_.CheckInvariants();
    EXPECT_TRUE(status.ok()) << status;
  }
  static kv::Hash128 Hash(std::uint64_t n) { return {n, n}; }
  std::int32_t Add(std::uint64_t hash, std::uint64_t parent, std::vector<TokenId> tokens) {
    TierBlock block;
    block.hash = Hash(hash);
    block.parent = Hash(parent);
    return index_.Add(block, tokens);
  }

  TierIndex index_{4, 4};
};

TEST_F(TierIndexTest, FindsByHashAndComparesTokens) {
  const std::int32_t slot = Add(1, 0, {1, 2, 3, 4});
  EXPECT_EQ(index_.Find(Hash(1), {1, 2, 3, 4}), slot);
  EXPECT_EQ(index_.Find(Hash(1), {1, 2, 3, 5}), -1);
  EXPECT_EQ(index_.Find(Hash(2), {1, 2, 3, 4}), -1);
}

TEST_F(TierIndexTest, FindsTheLongestPartAfterAParent) {
  Add(1, 0, {1, 2});
  const std::int32_t longer = Add(2, 0, {1, 2, 3});
  Add(3, 7, {1, 2, 3, 4});
  const TierIndex::Part part = index_.FindPart(Hash(0), {1, 2, 3, 4});
  EXPECT_EQ(part.slot, longer);
  EXPECT_EQ(part.tokens, 3);
  EXPECT_EQ(index_.FindPart(Hash(0), {2, 1}).slot, -1);
  EXPECT_EQ(index_.FindPart(Hash(9), {1}).slot, -1);
}

TEST_F(TierIndexTest, AFullIndexTakesNothing) {
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_NE(Add(i, 0, {static_cast<TokenId>(i)}), -1);
  EXPECT_EQ(Add(5, 0, {5}), -1);
  index_.Remove(0);
  EXPECT_NE(Add(5, 0, {5}), -1);
}

TEST_F(TierIndexTest, TheLeastRecentlyUsedGoesFirst) {
  const std::int32_t a = Add(1, 0, {1});
  const std::int32_t b = Add(2, 0, {2});
  EXPECT_EQ(index_.TakeVictim(), a);
  index_.Touch(a, absl::Seconds(1));
  EXPECT_EQ(index_.TakeVictim(), b);
}

TEST_F(TierIndexTest, ABlockThatOthersContinueGoesAfterThem) {
  const std::int32_t root = Add(1, 0, {1, 2, 3, 4});
  const std::int32_t leaf = Add(2, 1, {5});
  EXPECT_TRUE(index_.HasChildren(root));
  EXPECT_EQ(index_.TakeVictim(), leaf);
  index_.Remove(leaf);
  EXPECT_FALSE(index_.HasChildren(root));
  EXPECT_EQ(index_.TakeVictim(), root);
}

TEST_F(TierIndexTest, ABusyBlockIsNoVictimAndItsSlotIsFreeAfterItsLastOperation) {
  const std::int32_t a = Add(1, 0, {1});
  index_.Occupy(a);
  EXPECT_EQ(index_.TakeVictim(), -1);
  EXPECT_EQ(index_.busy_blocks(), 1);
  EXPECT_EQ(index_.busy_tokens(), 1);
  index_.Remove(a);
  EXPECT_EQ(index_.busy_tokens(), 0);
  EXPECT_EQ(index_.free_slots(), 3);
  Check();
  index_.Vacate(a);
  EXPECT_EQ(index_.free_slots(), 4);
}

TEST_F(TierIndexTest, AGuardedBlockAndAllBeforeItAreNoVictims) {
  const std::int32_t root = Add(1, 0, {1, 2, 3, 4});
  const std::int32_t kept = Add(2, 1, {5, 6, 7, 8});
  const std::int32_t beyond = Add(3, 2, {9});
  const std::int32_t other = Add(4, 0, {4});
  index_[kept].guards = 1;
  EXPECT_EQ(index_.TakeVictim(), beyond) << "what continues the guarded one is not promised";
  index_.Remove(beyond);
  EXPECT_EQ(index_.TakeVictim(), other);
  index_.Remove(other);
  EXPECT_EQ(index_.TakeVictim(), -1);
  index_[kept].guards = 0;
  EXPECT_EQ(index_.TakeVictim(), kept);
  index_.Remove(kept);
  EXPECT_EQ(index_.TakeVictim(), root);
  Check();
}

TEST_F(TierIndexTest, ManyBlocksMayContinueOneChain) {
  TierIndex index(200, 4);
  for (std::int32_t i = 0; i < 200; ++i) {
    TierBlock block;
    block.hash = Hash(static_cast<std::uint64_t>(i) + 1);
    block.parent = Hash(0);
    ASSERT_NE(index.Add(block, {i}), -1);
  }
  EXPECT_TRUE(index.CheckInvariants().ok()) << index.CheckInvariants();
}

TEST_F(TierIndexTest, AtStartABlockTakesTheSlotItLiesIn) {
  TierBlock block;
  block.hash = Hash(1);
  index_.AddAt(2, block, {1, 2});
  EXPECT_EQ(index_.Find(Hash(1)), 2);
}

}  // namespace
}  // namespace pintle::tier

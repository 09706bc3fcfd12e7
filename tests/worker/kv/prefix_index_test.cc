// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/prefix_index.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

class PrefixIndexTest : public testing::Test {
 protected:
  BlockIndex Add(BlockIndex parent, std::int32_t space, const std::vector<TokenId>& tokens) {
    const BlockIndex block = pool_.TakeFree();
    std::copy(tokens.begin(), tokens.end(), pool_.TokensOf(block).begin());
    pool_[block].parent = parent;
    pool_[block].space = space;
    pool_.SetFilled(block, 2);
    index_.Insert(block, kHash);
    return block;
  }

  // One hash for all: only verification tells the blocks apart.
  static constexpr Hash128 kHash{9, 9};
  BlockPool pool_{8, 2};
  PrefixIndex index_{pool_};
};

TEST_F(PrefixIndexTest, EqualHashesAreToldApartByTokensParentAndNamespace) {
  const BlockIndex a = Add(kNoBlock, 0, {1, 2});
  const BlockIndex other_tokens = Add(kNoBlock, 0, {1, 3});
  const BlockIndex other_space = Add(kNoBlock, 1, {1, 2});
  const BlockIndex child = Add(a, 0, {1, 2});
  EXPECT_EQ(index_.Find(kNoBlock, 0, kHash, {1, 2}), a);
  EXPECT_EQ(index_.Find(kNoBlock, 0, kHash, {1, 3}), other_tokens);
  EXPECT_EQ(index_.Find(kNoBlock, 1, kHash, {1, 2}), other_space);
  EXPECT_EQ(index_.Find(a, 0, kHash, {1, 2}), child);
  EXPECT_EQ(index_.Find(child, 0, kHash, {1, 2}), kNoBlock);
  EXPECT_EQ(index_.Find(kNoBlock, 2, kHash, {1, 2}), kNoBlock);
  EXPECT_EQ(index_.Find(kNoBlock, 0, Hash128{9, 8}, {1, 2}), kNoBlock);
}

TEST_F(PrefixIndexTest, AnErasedBlockIsNotFoundAndTheOthersStay) {
  const BlockIndex a = Add(kNoBlock, 0, {1, 2});
  const BlockIndex b = Add(kNoBlock, 0, {3, 4});
  const BlockIndex c = Add(kNoBlock, 0, {5, 6});
  index_.Erase(b);
  EXPECT_EQ(index_.Find(kNoBlock, 0, kHash, {3, 4}), kNoBlock);
  EXPECT_EQ(index_.Find(kNoBlock, 0, kHash, {1, 2}), a);
  EXPECT_EQ(index_.Find(kNoBlock, 0, kHash, {5, 6}), c);
  EXPECT_EQ(index_.size(), 2);
}

TEST_F(PrefixIndexTest, OnlyFullBlocksEnter) {
  const BlockIndex block = pool_.TakeFree();
  pool_.SetFilled(block, 1);
  EXPECT_DEATH(index_.Insert(block, kHash), "only full blocks");
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_pool.h"

#include <set>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(BlockPoolTest, HandsOutEachBlockOnce) {
  BlockPool pool(4, 16);
  std::set<BlockIndex> taken;
  while (pool.free_blocks() > 0) taken.insert(pool.TakeFree());
  EXPECT_EQ(taken, (std::set<BlockIndex>{0, 1, 2, 3}));
  EXPECT_EQ(pool.Count(BlockState::kInUse), 4);
}

TEST(BlockPoolTest, CountsTokensByStateOfTheirBlock) {
  BlockPool pool(2, 16);
  const BlockIndex block = pool.TakeFree();
  pool.SetFilled(block, 5);
  EXPECT_EQ(pool.tokens()[At(BlockState::kInUse)], 5);
  pool.SetState(block, BlockState::kEvictable);
  EXPECT_EQ(pool.tokens()[At(BlockState::kInUse)], 0);
  EXPECT_EQ(pool.tokens()[At(BlockState::kEvictable)], 5);
  pool.GiveBack(block);
  EXPECT_EQ(pool.tokens()[At(BlockState::kEvictable)], 0);
  EXPECT_EQ(pool.free_blocks(), 2);
}

TEST(BlockPoolTest, ATakenBlockRemembersNothing) {
  BlockPool pool(1, 16);
  BlockIndex block = pool.TakeFree();
  pool[block].cached = true;
  pool[block].reuse = 3;
  pool[block].depth = 7;
  pool.GiveBack(block);
  block = pool.TakeFree();
  EXPECT_FALSE(pool[block].cached);
  EXPECT_EQ(pool[block].reuse, 0);
  EXPECT_EQ(pool.Depth(block), 0);
}

TEST(BlockPoolDeathTest, ABlockInUseIsNeverGivenBack) {
  BlockPool pool(1, 16);
  const BlockIndex block = pool.TakeFree();
  pool[block].table_refs = 1;
  EXPECT_DEATH(pool.GiveBack(block), "nothing refers to it");
}

}  // namespace
}  // namespace pintle::kv

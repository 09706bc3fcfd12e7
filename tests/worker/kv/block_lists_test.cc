// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_lists.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(BlockListsTest, BlocksLeaveFromAnywhereAndTheOldestIsKnown) {
  BlockLists lists(5, 2);
  EXPECT_EQ(lists.Oldest(0), kNoBlock);
  for (const BlockIndex block : {3, 1, 4}) lists.Append(0, block);
  lists.Append(1, 0);
  EXPECT_EQ(lists.Oldest(0), 3);
  lists.Remove(1);
  lists.Remove(3);
  EXPECT_EQ(lists.Oldest(0), 4);
  lists.Append(0, 3);
  lists.Remove(4);
  EXPECT_EQ(lists.Oldest(0), 3);
  EXPECT_EQ(lists.Oldest(1), 0);
  EXPECT_FALSE(lists.Contains(1));
  EXPECT_TRUE(lists.CheckInvariants().ok()) << lists.CheckInvariants();
}

}  // namespace
}  // namespace pintle::kv

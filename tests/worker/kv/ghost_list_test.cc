// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/ghost_list.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

Hash128 Hash(std::uint64_t number) { return Hash128{number * 77, number}; }

TEST(GhostListTest, AGhostIsTakenOnce) {
  GhostList ghosts(4);
  ghosts.AddFull(Hash(1), Ghost{16, KvReason::kQuota});
  EXPECT_EQ(ghosts.Take(Hash(1)), (Ghost{16, KvReason::kQuota}));
  EXPECT_EQ(ghosts.Take(Hash(1)), std::nullopt);
  EXPECT_EQ(ghosts.size(), 0);
}

TEST(GhostListTest, OverflowForgetsTheOldestAndCountsItsTokens) {
  GhostList ghosts(2);
  ghosts.AddFull(Hash(1), Ghost{16});
  ghosts.AddTail(Hash(2), Hash(9), Ghost{5});
  ghosts.AddFull(Hash(3), Ghost{16});
  EXPECT_EQ(ghosts.overflow_tokens(), 16);
  EXPECT_EQ(ghosts.Take(Hash(1)), std::nullopt);
  ghosts.AddFull(Hash(4), Ghost{16});
  EXPECT_EQ(ghosts.overflow_tokens(), 21);
  EXPECT_EQ(ghosts.size(), 2);
}

TEST(GhostListTest, TheSameContentIsOneGhostAndNoOverflow) {
  GhostList ghosts(2);
  ghosts.AddFull(Hash(1), Ghost{16, KvReason::kCapacity});
  ghosts.AddFull(Hash(1), Ghost{16, KvReason::kPreempted});
  EXPECT_EQ(ghosts.size(), 1);
  EXPECT_EQ(ghosts.overflow_tokens(), 0);
  EXPECT_EQ(ghosts.Take(Hash(1))->reason, KvReason::kPreempted);
}

TEST(GhostListTest, TailsAreAnnouncedByParentAndLengthUntilTheyAreGone) {
  GhostList ghosts(4);
  ghosts.AddTail(Hash(2), Hash(9), Ghost{5});
  EXPECT_TRUE(ghosts.MayHaveTail(Hash(9), 5));
  EXPECT_FALSE(ghosts.MayHaveTail(Hash(9), 6));
  ghosts.Take(Hash(2));
  EXPECT_FALSE(ghosts.MayHaveTail(Hash(9), 5));
}

}  // namespace
}  // namespace pintle::kv

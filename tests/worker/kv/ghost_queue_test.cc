// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/ghost_queue.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(GhostQueueTest, ANameIsFoundOnce) {
  GhostQueue ghosts(4);
  ghosts.Add(7);
  EXPECT_TRUE(ghosts.Take(7));
  EXPECT_FALSE(ghosts.Take(7));
  EXPECT_FALSE(ghosts.Take(8));
}

TEST(GhostQueueTest, OnlyTheLastOnesAreRemembered) {
  GhostQueue ghosts(100);
  for (std::uint64_t name = 1; name <= 300; ++name) ghosts.Add(name);
  int found = 0;
  for (std::uint64_t name = 1; name <= 200; ++name) EXPECT_FALSE(ghosts.Take(name)) << name;
  for (std::uint64_t name = 201; name <= 300; ++name) found += ghosts.Take(name) ? 1 : 0;
  EXPECT_GE(found, 90) << "a full bucket forgets early, but rarely";
}

TEST(GhostQueueTest, BlocksWithoutANameAreNobody) {
  GhostQueue ghosts(4);
  ghosts.Add(0);
  EXPECT_FALSE(ghosts.Take(0));
}

}  // namespace
}  // namespace pintle::kv

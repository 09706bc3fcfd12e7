// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/timed_leaves.h"

#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(TimedLeavesTest, OrdersByGroupThenTimeThenBlock) {
  TimedLeaves leaves(5);
  leaves.Add(0, 2, absl::Seconds(1));
  leaves.Add(1, 1, absl::Seconds(9));
  leaves.Add(2, 2, absl::Seconds(1));
  leaves.Add(3, 2, absl::Seconds(0));
  std::vector<BlockIndex> order;
  for (BlockIndex at = leaves.FirstFrom(0); at != kNoBlock; at = leaves.Next(at)) {
    order.push_back(at);
  }
  EXPECT_EQ(order, (std::vector<BlockIndex>{1, 3, 0, 2}));
  EXPECT_EQ(leaves.FirstFrom(2), 3);
  EXPECT_EQ(leaves.FirstFrom(3), kNoBlock);
  EXPECT_EQ(leaves.FirstAfter(2, absl::Seconds(0)), 0);
  EXPECT_EQ(leaves.FirstAfter(1, absl::Seconds(8)), 1);
  EXPECT_EQ(leaves.FirstAfter(1, absl::Seconds(9)), 3);
  EXPECT_EQ(leaves.FirstAfter(2, absl::Seconds(1)), kNoBlock);
}

TEST(TimedLeavesTest, EqualsASortedSetThroughRandomChanges) {
  constexpr std::int32_t kBlocks = 60;
  TimedLeaves leaves(kBlocks);
  std::set<std::tuple<std::uint32_t, absl::Duration, BlockIndex>> expected;
  std::vector<std::tuple<std::uint32_t, absl::Duration, BlockIndex>> keys(kBlocks);
  std::mt19937_64 random(3);
  for (int step = 0; step < 5000; ++step) {
    const auto block = static_cast<BlockIndex>(random() % kBlocks);
    auto& key = keys[static_cast<std::size_t>(block)];
    if (leaves.Holds(block)) {
      leaves.Remove(block);
      expected.erase(key);
    } else {
      key = {random() % 4, absl::Seconds(static_cast<int>(random() % 10)), block};
      leaves.Add(block, std::get<0>(key), std::get<1>(key));
      expected.insert(key);
    }
    ASSERT_EQ(static_cast<std::size_t>(leaves.size()), expected.size());
    BlockIndex at = leaves.FirstFrom(0);
    for (const auto& it : expected) {
      ASSERT_EQ(at, std::get<2>(it));
      at = leaves.Next(at);
    }
    ASSERT_EQ(at, kNoBlock);
    ASSERT_TRUE(leaves.Sound());
  }
}

}  // namespace
}  // namespace pintle::kv

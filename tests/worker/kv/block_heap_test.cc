// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/block_heap.h"

#include <random>
#include <set>
#include <utility>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(BlockHeapTest, AnyBlockLeavesAndTheLowestKeyStaysOnTop) {
  std::mt19937 random(7);
  BlockHeap heap(50);
  std::set<std::pair<double, std::uint64_t>> keys;
  std::vector<BlockKey> of(50);
  std::uint64_t arrival = 0;
  for (int i = 0; i < 5000; ++i) {
    const auto block = static_cast<BlockIndex>(random() % 50);
    BlockKey& key = of[static_cast<std::size_t>(block)];
    if (heap.Contains(block)) {
      keys.erase({key.score, key.arrival});
      heap.Erase(block);
    } else {
      key = BlockKey{static_cast<double>(random() % 8), ++arrival};
      keys.insert({key.score, key.arrival});
      heap.Push(block, key);
    }
    ASSERT_TRUE(heap.CheckInvariants().ok()) << heap.CheckInvariants();
    ASSERT_EQ(heap.nodes().size(), keys.size());
    if (keys.empty()) continue;
    ASSERT_EQ(heap.nodes()[0].key.score, keys.begin()->first);
    ASSERT_EQ(heap.nodes()[0].key.arrival, keys.begin()->second);
  }
}

TEST(BlockHeapTest, EqualScoresGoInTheOrderOfTheirArrival) {
  BlockHeap heap(3);
  heap.Push(2, {1.0, 1});
  heap.Push(0, {1.0, 2});
  heap.Push(1, {0.5, 3});
  EXPECT_EQ(heap.nodes()[0].block, 1);
  heap.Erase(1);
  EXPECT_EQ(heap.nodes()[0].block, 2);
  EXPECT_FALSE(heap.Contains(1));
}

}  // namespace
}  // namespace pintle::kv

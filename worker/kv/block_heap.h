// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_BLOCK_HEAP_H_
#define PINTLE_WORKER_KV_BLOCK_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "contract/ids.h"

namespace pintle::kv {

// What a block is ordered by; no two blocks have equal arrivals, so the order is total.
struct BlockKey {
  double score = 0;
  std::uint64_t arrival = 0;

  friend bool operator<(const BlockKey& a, const BlockKey& b) {
    return a.score != b.score ? a.score < b.score : a.arrival < b.arrival;
  }
};

// A heap of blocks, lowest key on top, from which any block can be taken in O(log n). Four children
// a node and keys beside each other: 10 levels for a million blocks, one cache line or two each.
// Thread: confined to one. Allocates only when made. Fails: its requirements are checked.
class BlockHeap {
 public:
  struct Node {
    BlockKey key;
    BlockIndex block = kNoBlock;
  };
  static constexpr std::size_t kArity = 4;

  explicit BlockHeap(std::int32_t blocks);

  // Requires: not in the heap.
  void Push(BlockIndex block, const BlockKey& key);
  // Requires: in the heap.
  void Erase(BlockIndex block);
  bool Contains(BlockIndex block) const { return places_[At(block)] >= 0; }

  // The heap as it lies: node i's children are i * kArity + 1 .. i * kArity + kArity.
  const std::vector<Node>& nodes() const { return nodes_; }

  // INTERNAL when order or places are broken; O(blocks).
  absl::Status CheckInvariants() const;

 private:
  static std::size_t At(BlockIndex block) { return static_cast<std::size_t>(block); }
  void Put(std::size_t place, const Node& node);
  void SiftUp(std::size_t place, const Node& node);
  void SiftDown(std::size_t place, const Node& node);

  std::vector<Node> nodes_;
  std::vector<std::int32_t> places_;  // of each block in nodes_, -1 when absent
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_BLOCK_HEAP_H_

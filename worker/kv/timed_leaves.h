// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_TIMED_LEAVES_H_
#define PINTLE_WORKER_KV_TIMED_LEAVES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "contract/ids.h"

namespace pintle::kv {

// Blocks in order of (group, time, block): a treap over preallocated nodes, one per block. Its
// shape depends only on what it holds.
// Thread: confined to the engine thread. Allocates only when made. Fails: does not.
// Costs: O(log n) expected for each method; 32 bytes a block.
class TimedLeaves {
 public:
  explicit TimedLeaves(std::int32_t blocks);

  // Requires: not held.
  void Add(BlockIndex block, std::uint32_t group, absl::Duration time);
  // Requires: held.
  void Remove(BlockIndex block);
  bool Holds(BlockIndex block) const { return At(block).held; }
  std::uint32_t GroupOf(BlockIndex block) const { return At(block).group; }
  absl::Duration TimeOf(BlockIndex block) const { return At(block).time; }
  std::int32_t size() const { return size_; }

  // The first block of `group` or a later one, kNoBlock when there is none.
  BlockIndex FirstFrom(std::uint32_t group) const;
  // The first block after all of `group` up to `time`, whatever its group.
  BlockIndex FirstAfter(std::uint32_t group, absl::Duration time) const;
  // The block after `block`. Requires: held.
  BlockIndex Next(BlockIndex block) const;

  // Whether order and heap property hold and every block held is reached.
  bool Sound() const;

 private:
  struct Node {
    absl::Duration time = absl::ZeroDuration();
    std::uint32_t group = 0;
    BlockIndex left = kNoBlock;
    BlockIndex right = kNoBlock;
    bool held = false;
  };
  Node& At(BlockIndex block) { return nodes_[static_cast<std::size_t>(block)]; }
  const Node& At(BlockIndex block) const { return nodes_[static_cast<std::size_t>(block)]; }
  bool Before(BlockIndex a, BlockIndex b) const;
  // Heap order of the tree; a fixed mix of the block's number.
  static std::uint32_t Weight(BlockIndex block);
  BlockIndex Merge(BlockIndex left, BlockIndex right);

  std::vector<Node> nodes_;
  BlockIndex root_ = kNoBlock;
  std::int32_t size_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_TIMED_LEAVES_H_

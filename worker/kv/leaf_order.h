// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_LEAF_ORDER_H_
#define PINTLE_WORKER_KV_LEAF_ORDER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/kv/block_heap.h"
#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// When a block goes, compared with the others of its lane: the lowest score first, equal scores in
// the order in which they were added.
struct LeafRank {
  double score = 0;
  // From this time on `later_score` counts: a TTL that ends, an expected return that passed.
  absl::Duration until = absl::InfiniteDuration();
  double later_score = 0;
  // A queue or segment of the policy, from 0. A block is in one.
  std::int32_t lane = 0;
};

// The evictable blocks of a policy with their ranks, and of these the leaves (blocks that no
// evictable block continues) in order. A proposal is a LeafWalk over it.
//
// A policy with a new score derives from ScoredPolicy and answers a rank; one with queues of its
// own has a LeafOrder with a lane for each, and a LeafWalk.
//
// Thread: confined to the engine thread. Allocates only when made: about 130 bytes a block.
// Fails: its requirements are checked.
// Costs: O(log n) per Add, Change and Remove.
class LeafOrder {
 public:
  LeafOrder(std::int32_t blocks, const BlockTree& tree, std::int32_t lanes = 1);

  // The block may be proposed from now on. Requires: it may not yet; so may all its children.
  void Add(BlockIndex block, const LeafRank& rank);
  // Another rank; among equals it keeps its turn. Requires: Contains.
  void Change(BlockIndex block, const LeafRank& rank);
  // The block is in use again, or gone. Requires: Contains.
  void Remove(BlockIndex block);
  bool Contains(BlockIndex block) const { return At(block).listed; }
  std::int32_t Lane(BlockIndex block) const { return At(block).rank.lane; }
  // Makes ranks final whose time is up, so that walks need not look at them again. Any answer is
  // the same without it.
  void Advance(absl::Duration now);

  // INTERNAL names what is broken; O(blocks).
  absl::Status CheckInvariants() const;

 private:
  friend class LeafWalk;

  struct Entry {
    LeafRank rank;
    std::uint64_t arrival = 0;
    BlockIndex parent = kNoBlock;
    std::int32_t children = 0;  // evictable ones
    bool listed = false;
  };
  Entry& At(BlockIndex block) { return entries_[static_cast<std::size_t>(block)]; }
  const Entry& At(BlockIndex block) const { return entries_[static_cast<std::size_t>(block)]; }
  BlockHeap& LaneOf(const Entry& entry) {
    return lanes_[static_cast<std::size_t>(entry.rank.lane)];
  }
  static BlockKey KeyAt(const Entry& entry, absl::Duration now) {
    const bool later = entry.rank.until <= now;
    return BlockKey{later ? entry.rank.later_score : entry.rank.score, entry.arrival};
  }
  // Into its lane's heap and the heap of changes, and out of both.
  void PushLeaf(BlockIndex block);
  void EraseLeaf(BlockIndex block);

  const BlockTree& tree_;
  std::vector<Entry> entries_;
  std::vector<BlockHeap> lanes_;  // leaves, by score
  BlockHeap changes_;             // leaves whose score will change, by the time it does
  std::uint64_t arrivals_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_LEAF_ORDER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_LEAF_WALK_H_
#define PINTLE_WORKER_KV_LEAF_WALK_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/leaf_order.h"

namespace pintle::kv {

// What a policy would do, played through without doing it: leaves in the order of their ranks,
// parents joining as their last evictable child is taken, blocks going from lane to lane.
// Thread: confined to the engine thread. Owns scratch rooms only, which grow to the longest walk
// seen; nothing changes in the order. Fails: its requirements are checked.
// Costs: Begin O(changes due), a step O(log of the steps so far).
class LeafWalk {
 public:
  explicit LeafWalk(const LeafOrder& order);

  struct Leaf {
    BlockIndex block = kNoBlock;  // kNoBlock: the lane has no more
    double score = 0;
    std::int32_t moves = 0;  // how often this walk moved it
  };

  // Forgets the last walk. Requires: the order stays as it is until the walk's last step.
  void Begin(absl::Duration now);
  // The first leaf of the lane that was neither taken nor kept.
  Leaf Next(std::int32_t lane = 0);
  // What becomes of Next(lane). Requires: there is one.
  // It goes; its parent may be next now.
  void Take(std::int32_t lane = 0);
  // It stays, and with it its ancestors; this walk does not meet it again.
  void Keep(std::int32_t lane = 0);
  // It is in lane `to` from here on, with this score.
  void Move(std::int32_t lane, std::int32_t to, double score);

  // The whole proposal of a policy with one lane.
  void Propose(std::int32_t n, absl::Duration now, Offer offer, std::vector<Victim>* victims);

 private:
  struct Item {
    BlockKey key;
    BlockIndex block = kNoBlock;
    std::int32_t place = -1;  // in its lane's heap, whose children follow it; -1 = joined later
    std::int32_t moves = 0;
  };
  struct Taken {
    std::uint32_t walk = 0;  // the walk in which `children` was counted
    std::int32_t children = 0;
  };
  static bool After(const Item& a, const Item& b) { return b.key < a.key; }
  std::vector<Item>& Lane(std::int32_t lane) { return lanes_[static_cast<std::size_t>(lane)]; }
  void Push(std::int32_t lane, const Item& item);
  // Takes the front of the lane and lets in what lies below it in the order's heap.
  Item Pop(std::int32_t lane);
  // Whether the front's key is out of date; then the block has an item of its own.
  bool IsStale(const Item& item) const;

  const LeafOrder& order_;
  std::vector<std::vector<Item>> lanes_;
  std::vector<Taken> taken_;
  std::vector<std::size_t> pending_;  // places of the changes' heap still to look at
  std::uint32_t walk_ = 0;
  absl::Duration now_ = absl::ZeroDuration();
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_LEAF_WALK_H_

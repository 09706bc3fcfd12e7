// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SLRU_POLICY_H_
#define PINTLE_WORKER_KV_SLRU_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/block_lists.h"
#include "worker/kv/eviction_policy.h"
#include "worker/kv/leaf_order.h"
#include "worker/kv/leaf_walk.h"

namespace pintle::kv {

// Segmented LRU: a new block is on probation and protected once it is used again; those on
// probation go first, each segment longest out of use first. The protected segment takes at most
// four fifths of the pool: beyond that its oldest is on probation again.
//
// Wins when: one-shot scans pass beside conversations that come back: a scan is never used again
// and pushes out only its like.
// Loses when: blocks come back just once and late (they die on probation), or most things are
// used twice (then it is lru with a smaller pool).
// Costs per access: O(1); O(log n) when a block comes out of use.
// After: Karedla, Love and Wherry, "Caching strategies to improve disk system performance",
// IEEE Computer 27(3), 1994.
class SlruPolicy : public EvictionPolicy {
 public:
  SlruPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "slru"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  // The score is the segment: 0 on probation, 1 protected.
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return order_.Contains(block); }
  absl::Status CheckInvariants() const override;

 private:
  enum Segment : std::int32_t { kProbation, kProtected };

  // At the newest end of its segment; then the protected segment is cut to its size.
  void Enter(BlockIndex block);
  void Leave(BlockIndex block);
  Segment& SegmentOf(BlockIndex block) { return segments_[static_cast<std::size_t>(block)]; }

  std::int32_t protected_max_;
  std::int32_t protected_ = 0;     // blocks in the segment, those in use included
  std::vector<Segment> segments_;  // by block
  BlockLists lists_;               // evictable ones of each segment
  LeafOrder order_;                // a lane for each segment
  mutable LeafWalk walk_;          // scratch room of Propose
  double turn_ = 0;                // rises with each entry; whole numbers are exact to 2^53
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SLRU_POLICY_H_

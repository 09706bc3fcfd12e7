// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SCORED_POLICY_H_
#define PINTLE_WORKER_KV_SCORED_POLICY_H_

#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"
#include "worker/kv/leaf_order.h"
#include "worker/kv/leaf_walk.h"

namespace pintle::kv {

// A policy that is a score: the leaf with the lowest goes first, equal ones longest out of use
// first. To make one, derive, answer Rank, and override Insert, Access, Erase or Commit for what
// the score remembers (calling these of the base where it has them).
//
// A rank is asked for when a block comes out of use and when its facts changed. A score that time
// changes is fine when it changes once at a known moment (LeafRank::until), or when all of them age
// alike: then leave the common part out, as cost_aware does.
// Thread: confined to the engine thread. Allocates only when made. Fails: it does not.
// Costs: O(log n) per event, Propose O((n + not on offer) log n).
class ScoredPolicy : public EvictionPolicy {
 public:
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;
  void Evictable(BlockIndex block, absl::Duration now) override;
  void Protected(BlockIndex block) override;
  void Changed(BlockIndex block, absl::Duration now) override;
  void Erase(BlockIndex block) override;
  void Propose(std::int32_t n, absl::Duration now, Offer offer,
               std::vector<Victim>* victims) const override;
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;
  bool IsEvictable(BlockIndex block) const override { return order_.Contains(block); }
  absl::Status CheckInvariants() const override { return order_.CheckInvariants(); }

 protected:
  ScoredPolicy(std::int32_t blocks, const BlockTree& tree);

  // When the block should go, as things stand.
  virtual LeafRank Rank(BlockIndex block, absl::Duration now) const = 0;

  const BlockTree& tree() const { return tree_; }

 private:
  const BlockTree& tree_;
  LeafOrder order_;
  mutable LeafWalk walk_;  // scratch room of Propose
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SCORED_POLICY_H_

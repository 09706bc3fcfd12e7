// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/scored_policy.h"

namespace pintle::kv {

ScoredPolicy::ScoredPolicy(std::int32_t blocks, const BlockTree& tree)
    : tree_(tree), order_(blocks, tree), walk_(order_) {}

void ScoredPolicy::Insert(BlockIndex /*block*/, absl::Duration /*now*/) {}

void ScoredPolicy::Access(BlockIndex block, absl::Duration now) {
  if (order_.Contains(block)) order_.Change(block, Rank(block, now));
}

void ScoredPolicy::Evictable(BlockIndex block, absl::Duration now) {
  order_.Advance(now);
  order_.Add(block, Rank(block, now));
}

void ScoredPolicy::Protected(BlockIndex block) { order_.Remove(block); }

void ScoredPolicy::Changed(BlockIndex block, absl::Duration now) {
  if (order_.Contains(block)) order_.Change(block, Rank(block, now));
}

void ScoredPolicy::Erase(BlockIndex block) {
  if (order_.Contains(block)) order_.Remove(block);
}

void ScoredPolicy::Propose(std::int32_t n, absl::Duration now, Offer offer,
                           std::vector<Victim>* victims) const {
  walk_.Propose(n, now, offer, victims);
}

void ScoredPolicy::Commit(absl::Span<const Victim> /*victims*/, absl::Duration /*now*/) {}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/priority_ttl_policy.h"

#include "contract/limits.h"

namespace pintle::kv {

PriorityTtlPolicy::PriorityTtlPolicy(std::int32_t blocks, const BlockTree& tree)
    : ScoredPolicy(blocks, tree) {}

LeafRank PriorityTtlPolicy::Rank(BlockIndex block, absl::Duration now) const {
  const BlockFacts facts = tree().Facts(block);
  LeafRank rank;
  if (facts.retained_until == absl::ZeroDuration()) {
    rank.score = facts.priority;
  } else if (facts.retained_until <= now) {
    rank.score = limits::kPriorityDefault;
  } else {
    rank.score = facts.priority;
    rank.until = facts.retained_until;
    rank.later_score = limits::kPriorityDefault;
  }
  return rank;
}

}  // namespace pintle::kv

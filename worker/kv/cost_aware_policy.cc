// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/cost_aware_policy.h"

#include <algorithm>

#include "contract/limits.h"

namespace pintle::kv {
namespace {

// Priorities weigh at most three to one: they bend the order, cost and use still make it.
double Weight(std::int32_t priority) {
  return 0.5 + static_cast<double>(priority) / limits::kPriorityMax;
}

}  // namespace

CostAwarePolicy::CostAwarePolicy(std::int32_t blocks, const BlockTree& tree)
    : CostAwarePolicy(blocks, tree, Costs{}) {}

CostAwarePolicy::CostAwarePolicy(std::int32_t blocks, const BlockTree& tree, const Costs& costs)
    : ScoredPolicy(blocks, tree), costs_(costs) {}

LeafRank CostAwarePolicy::Rank(BlockIndex block, absl::Duration now) const {
  const BlockFacts facts = tree().Facts(block);
  const double token = costs_.base + costs_.per_block * tree().Depth(block);
  const double saved = (1.0 + facts.reuse) * facts.tokens * token;
  LeafRank rank;
  rank.score = age_ + saved * Weight(facts.priority);
  if (facts.retained_until != absl::ZeroDuration()) {
    rank.later_score = age_ + saved * Weight(limits::kPriorityDefault);
    if (facts.retained_until <= now) {
      rank.score = rank.later_score;
    } else {
      rank.until = facts.retained_until;
    }
  }
  return rank;
}

void CostAwarePolicy::Commit(absl::Span<const Victim> victims, absl::Duration /*now*/) {
  for (const Victim& victim : victims) age_ = std::max(age_, victim.score);
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_PRIORITY_TTL_POLICY_H_
#define PINTLE_WORKER_KV_PRIORITY_TTL_POLICY_H_

#include <cstdint>

#include "worker/kv/scored_policy.h"

namespace pintle::kv {

// The lowest priority goes first, equal ones longest out of use first. Priorities are those of
// `retained` pins; a block without one, or whose TTL is over, has the default priority.
//
// Wins when: the callers know what matters and say so: an agent's plan over its scratch work.
// Loses when: nobody sets priorities (then it is lru), or everybody sets the highest.
// Costs per access: O(1); O(log n) when a block comes out of use or its facts change. A TTL that
// ends costs O(log n) once, a proposal before that O(1) for each that ended.
// After: multilevel priority replacement with recency inside a level (Denning, "Virtual memory",
// ACM Computing Surveys 2(3), 1970); per-range priorities with a duration are TensorRT-LLM's.
class PriorityTtlPolicy : public ScoredPolicy {
 public:
  PriorityTtlPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "priority_ttl"; }

 protected:
  // The score is the priority that counts now.
  LeafRank Rank(BlockIndex block, absl::Duration now) const override;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_PRIORITY_TTL_POLICY_H_

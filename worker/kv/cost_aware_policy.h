// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_COST_AWARE_POLICY_H_
#define PINTLE_WORKER_KV_COST_AWARE_POLICY_H_

#include <cstdint>

#include "worker/kv/scored_policy.h"

namespace pintle::kv {

// Keeps what saves the most recompute time per byte: uses x time to compute the block's tokens
// again, where a token deeper in its chain costs more because it attends to more. What was not used
// for long ages: each score starts from the highest score evicted so far.
//
// Wins when: chains differ much in depth: losing the end of a long document costs many times what
// losing a short chat does.
// Loses when: the deep ones do not come back (it holds them longer than lru would), or depths are
// alike (then it is an LFU that ages).
// Costs per access: O(1); O(log n) when a block comes out of use or its facts change.
// After: GreedyDual-Size (Cao and Irani, USENIX ITS 1997) with frequency (Cherkasova, HP Labs
// HPL-98-69R1, 1998).
class CostAwarePolicy : public ScoredPolicy {
 public:
  // What computing a token again costs: `base` + `per_block` x (blocks before it in its chain).
  // Only the ratio matters. All blocks are equally many bytes, so time per byte is time per block.
  struct Costs {
    double base = 1.0;
    // Attention's share: 4 x layers x heads x head_dim operations per position before, against two
    // per weight. For models of 0.1 to 8 billion weights a chain of about 4,000 to 30,000 positions
    // doubles a token's cost; processors attend less efficiently than they multiply, hence the
    // lower end, in blocks of 16.
    double per_block = 1.0 / 256;
  };
  CostAwarePolicy(std::int32_t blocks, const BlockTree& tree);
  CostAwarePolicy(std::int32_t blocks, const BlockTree& tree, const Costs& costs);

  absl::string_view name() const override { return "cost_aware"; }
  void Commit(absl::Span<const Victim> victims, absl::Duration now) override;

 protected:
  // The score is the age at the last use plus uses x cost, weighed 0.5 to 1.5 by the priority of a
  // `retained` pin while its TTL lasts.
  LeafRank Rank(BlockIndex block, absl::Duration now) const override;

 private:
  Costs costs_;
  double age_ = 0;  // the highest score evicted; never falls
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_COST_AWARE_POLICY_H_

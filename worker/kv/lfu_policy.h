// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_LFU_POLICY_H_
#define PINTLE_WORKER_KV_LFU_POLICY_H_

#include <cstdint>
#include <vector>

#include "worker/kv/scored_policy.h"

namespace pintle::kv {

// Least frequently used: the block with the fewest uses since it was written goes first; equal
// ones longest out of use first. A block's count ends with the block.
//
// Wins when: what is popular stays popular, such as shared system prompts and tools.
// Loses when: popularity moves on: what was used often and never will be again stays for ever
// (tinylfu forgets); new conversations push each other out.
// Costs per access: O(1); O(log n) when a block comes out of use.
// After: in-cache LFU as in Breslau, Cao, Fan, Phillips and Shenker, "Web caching and Zipf-like
// distributions: evidence and implications", INFOCOM 1999.
class LfuPolicy : public ScoredPolicy {
 public:
  LfuPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "lfu"; }
  void Insert(BlockIndex block, absl::Duration now) override;
  void Access(BlockIndex block, absl::Duration now) override;

 protected:
  // The score is the number of uses, the first one included.
  LeafRank Rank(BlockIndex block, absl::Duration now) const override;

 private:
  std::vector<std::int64_t> uses_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_LFU_POLICY_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_FIFO_POLICY_H_
#define PINTLE_WORKER_KV_FIFO_POLICY_H_

#include <cstdint>
#include <vector>

#include "worker/kv/scored_policy.h"

namespace pintle::kv {

// First in, first out: the block written longest ago goes first, however often it was used since.
//
// Wins when: conversations are read once or twice soon after they were written and never again;
// also as the yardstick that shows what knowing about use is worth.
// Loses when: anything old is still used, such as a shared system prompt.
// Costs per access: nothing; O(log n) when a block comes out of use.
// After: Belady, "A study of replacement algorithms for a virtual-storage computer", IBM Systems
// Journal 5(2), 1966.
class FifoPolicy : public ScoredPolicy {
 public:
  FifoPolicy(std::int32_t blocks, const BlockTree& tree);

  absl::string_view name() const override { return "fifo"; }
  void Insert(BlockIndex block, absl::Duration now) override;

 protected:
  // The score is the time, in seconds, at which the block was taken.
  LeafRank Rank(BlockIndex block, absl::Duration now) const override;

 private:
  std::vector<double> taken_seconds_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_FIFO_POLICY_H_

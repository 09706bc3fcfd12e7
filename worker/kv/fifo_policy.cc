// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/fifo_policy.h"

namespace pintle::kv {

FifoPolicy::FifoPolicy(std::int32_t blocks, const BlockTree& tree)
    : ScoredPolicy(blocks, tree), taken_seconds_(static_cast<std::size_t>(blocks), 0) {}

void FifoPolicy::Insert(BlockIndex block, absl::Duration now) {
  taken_seconds_[static_cast<std::size_t>(block)] = absl::ToDoubleSeconds(now);
}

LeafRank FifoPolicy::Rank(BlockIndex block, absl::Duration /*now*/) const {
  LeafRank rank;
  rank.score = taken_seconds_[static_cast<std::size_t>(block)];
  return rank;
}

}  // namespace pintle::kv

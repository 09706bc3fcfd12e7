// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/lfu_policy.h"

namespace pintle::kv {

LfuPolicy::LfuPolicy(std::int32_t blocks, const BlockTree& tree)
    : ScoredPolicy(blocks, tree), uses_(static_cast<std::size_t>(blocks), 0) {}

void LfuPolicy::Insert(BlockIndex block, absl::Duration /*now*/) {
  uses_[static_cast<std::size_t>(block)] = 1;
}

void LfuPolicy::Access(BlockIndex block, absl::Duration now) {
  ++uses_[static_cast<std::size_t>(block)];
  ScoredPolicy::Access(block, now);
}

LeafRank LfuPolicy::Rank(BlockIndex block, absl::Duration /*now*/) const {
  LeafRank rank;
  rank.score = static_cast<double>(uses_[static_cast<std::size_t>(block)]);
  return rank;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/hit_forecast.h"

#include <algorithm>

namespace pintle::kv {
namespace {

std::vector<std::int64_t> CapacitiesOf(std::int32_t blocks) {
  std::vector<std::int64_t> capacities;
  for (const double share : HitForecast::kCapacities) {
    capacities.push_back(static_cast<std::int64_t>(share * blocks));
  }
  return capacities;
}

}  // namespace

HitForecast::HitForecast(const BlockHash& hash, std::int32_t block_tokens, std::int32_t blocks,
                         std::int32_t chain_max, std::int32_t samples_max)
    : hash_(hash), block_tokens_(block_tokens), sampler_(CapacitiesOf(blocks), samples_max) {
  chain_.reserve(static_cast<std::size_t>(chain_max));
}

void HitForecast::Began(const KvLookup& lookup, absl::Duration /*now*/) {
  const auto width = static_cast<std::size_t>(block_tokens_);
  chain_.clear();
  Hash128 hash = lookup.root;
  for (std::size_t start = 0;
       start + width <= lookup.tokens.size() && chain_.size() < chain_.capacity(); start += width) {
    hash = hash_.Extend(hash, lookup.tokens.subspan(start, width));
    chain_.push_back(hash);
  }
  sampler_.Lookup(chain_);
}

void HitForecast::Released(BlockIndex /*block*/, const Hash128* hash) {
  if (hash != nullptr) sampler_.Touch(*hash);
}

std::array<double, HitForecast::kCapacities.size()> HitForecast::HitRatios() const {
  std::array<double, kCapacities.size()> ratios{};
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = sampler_.HitRatio(i);
  return ratios;
}

}  // namespace pintle::kv

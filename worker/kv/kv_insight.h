// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_INSIGHT_H_
#define PINTLE_WORKER_KV_KV_INSIGHT_H_

#include <array>
#include <cstdint>
#include <vector>

#include "worker/kv/eviction_tally.h"
#include "worker/kv/hit_forecast.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// What the cache's observers have made of what they saw; beside KvStats, which the cache knows.
struct KvInsight {
  ByReason regret_tokens{};
  std::int64_t regret_overflow_tokens = 0;
  // In the order of HitForecast::kCapacities.
  std::array<double, HitForecast::kCapacities.size()> expected_hit_ratios{};
  std::vector<EvictionCount> evictions;
  std::int64_t events_lost = 0;  // overwritten before they were published
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_INSIGHT_H_

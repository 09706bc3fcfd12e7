// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_TIER_FIGURES_H_
#define PINTLE_WORKER_PROCESS_TIER_FIGURES_H_

#include <cstdint>
#include <vector>

#include "contract/cache_report.h"
#include "worker/engine/engine_snapshot.h"

namespace pintle {

// One tier as metrics and reports show it: a tier more is a row more. Plain data.
struct TierFigures {
  kv::KvTier tier = kv::KvTier::kDevice;
  std::int64_t capacity_bytes = 0;
  std::int64_t blocks_total = 0;
  kv::ByState blocks{};
  kv::ByState tokens{};
  kv::KvLedger ledger;
  kv::ByReason evictions{};
  kv::ByReason evicted_bytes{};

  TierReport Report() const;
};

// The tiers that this engine has, from the device downwards.
std::vector<TierFigures> TiersOf(const EngineSnapshot& snapshot);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_TIER_FIGURES_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/process/tier_figures.h"

namespace pintle {

TierReport TierFigures::Report() const {
  TierReport report;
  report.tier = tier;
  report.capacity_bytes = capacity_bytes;
  report.blocks_total = blocks_total;
  report.blocks_free = blocks[kv::At(kv::BlockState::kFree)];
  report.blocks_in_use = blocks[kv::At(kv::BlockState::kInUse)];
  report.blocks_evictable = blocks[kv::At(kv::BlockState::kEvictable)];
  report.blocks_pinned = blocks[kv::At(kv::BlockState::kPinned)];
  report.tokens_resident = ledger.present;
  report.tokens_stored = ledger.added;
  report.tokens_moved_in = ledger.moved_in;
  report.tokens_moved_out = ledger.moved_out;
  for (std::size_t i = 0; i < kv::kKvReasons; ++i) {
    if (ledger.removed[i] == 0 && evictions[i] == 0) continue;
    report.removed.push_back(
        {static_cast<kv::KvReason>(i), ledger.removed[i], evictions[i], evicted_bytes[i]});
  }
  return report;
}

std::vector<TierFigures> TiersOf(const EngineSnapshot& snapshot) {
  const kv::KvStats& stats = snapshot.kv;
  TierFigures device;
  device.tier = kv::KvTier::kDevice;
  device.capacity_bytes = stats.capacity_bytes;
  device.blocks_total = stats.blocks_total;
  device.blocks = stats.blocks;
  device.tokens = stats.tokens;
  device.ledger = stats.physical;
  device.evictions = stats.evictions;
  device.evicted_bytes = stats.evicted_bytes;
  std::vector<TierFigures> tiers = {device};
  for (const tier::TierStats& lower : snapshot.tiers) {
    TierFigures figures;
    figures.tier = lower.tier;
    figures.capacity_bytes = lower.capacity_bytes;
    figures.blocks_total = lower.blocks_total;
    figures.blocks = lower.blocks;
    figures.tokens = lower.tokens;
    figures.ledger = lower.physical;
    figures.evictions = lower.evictions;
    figures.evicted_bytes = lower.evicted_bytes;
    tiers.push_back(figures);
  }
  return tiers;
}

}  // namespace pintle

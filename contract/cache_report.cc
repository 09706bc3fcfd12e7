// SPDX-License-Identifier: Apache-2.0
#include "contract/cache_report.h"

#include <algorithm>

namespace pintle {
namespace {

// The element that `same` accepts, appended as `fresh` when there is none yet.
template <typename T, typename Same>
T& FindOrAdd(std::vector<T>& items, Same same, T fresh) {
  const auto found = std::find_if(items.begin(), items.end(), same);
  if (found != items.end()) return *found;
  items.push_back(std::move(fresh));
  return items.back();
}

void Add(const TierReport& from, TierReport& to) {
  to.capacity_bytes += from.capacity_bytes;
  to.blocks_total += from.blocks_total;
  to.blocks_free += from.blocks_free;
  to.blocks_in_use += from.blocks_in_use;
  to.blocks_evictable += from.blocks_evictable;
  to.blocks_pinned += from.blocks_pinned;
  to.tokens_resident += from.tokens_resident;
  to.tokens_stored += from.tokens_stored;
  to.tokens_moved_in += from.tokens_moved_in;
  to.tokens_moved_out += from.tokens_moved_out;
  for (const RemovedTokens& removed : from.removed) {
    RemovedTokens fresh;
    fresh.reason = removed.reason;
    RemovedTokens& sum = FindOrAdd(
        to.removed, [&](const RemovedTokens& r) { return r.reason == removed.reason; }, fresh);
    sum.tokens += removed.tokens;
    sum.evictions += removed.evictions;
    sum.bytes += removed.bytes;
  }
}

}  // namespace

std::vector<TierReport> SumTiers(const std::vector<CacheReport>& reports) {
  std::vector<TierReport> total;
  for (const CacheReport& report : reports) {
    for (const TierReport& tier : report.tiers) {
      TierReport fresh;
      fresh.tier = tier.tier;
      Add(tier, FindOrAdd(
                    total, [&](const TierReport& t) { return t.tier == tier.tier; }, fresh));
    }
  }
  return total;
}

}  // namespace pintle

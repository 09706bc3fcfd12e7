// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_PLAN_H_
#define PINTLE_WORKER_KV_EVICTION_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "contract/ids.h"
#include "contract/pin.h"
#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// A live guarantee in the way of a plan.
struct PlanBlocker {
  SessionKey key;
  // Blocks that nobody uses and that no plan may take because of it; a shared one counts for each.
  std::int64_t blocks = 0;
  std::int64_t budget_tokens = 0;
  absl::Duration lease_until = absl::InfiniteDuration();  // infinite while its turn runs
};

// What the cache would do to hand out `need` blocks. A plan is good until the cache changes.
struct EvictionPlan {
  std::int32_t need = 0;
  std::int32_t from_free = 0;   // taken from the free list
  // Evicted, in this order: first all best_effort blocks on offer, then those that a retained pin
  // keeps.
  std::vector<Victim> victims;
  std::size_t first_retained = 0;  // where the second kind begins in `victims`
  // need - from_free - victims: blocks that cannot be had now. Nothing is evicted then.
  std::int32_t shortfall = 0;
  // What stands in the way of a shortfall.
  std::int64_t blocks_in_use = 0;
  std::int64_t blocks_pinned = 0;
  std::int64_t blocks_reserved = 0;
  std::int64_t blocks_floored = 0;  // evictable, but within other tenants' floors
  // The guarantees that pin most, at most kBlockersNamed; only KvCache::Plan fills it.
  static constexpr std::size_t kBlockersNamed = 16;
  std::vector<PlanBlocker> blockers;
  std::int64_t blockers_unnamed = 0;  // further sessions that pin something
  // The cache's state the plan was made for.
  std::uint64_t version = 0;

  bool ok() const { return shortfall == 0; }
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_PLAN_H_

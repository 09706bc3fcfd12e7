// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_PLAN_H_
#define PINTLE_WORKER_KV_EVICTION_PLAN_H_

#include <cstdint>
#include <vector>

#include "worker/kv/eviction_policy.h"

namespace pintle::kv {

// What the cache would do to hand out `need` blocks. A plan is good until the cache changes.
struct EvictionPlan {
  std::int32_t need = 0;
  std::int32_t from_free = 0;   // taken from the free list
  std::vector<Victim> victims;  // evicted, in this order
  // need - from_free - victims: blocks that cannot be had now. Nothing is evicted then.
  std::int32_t shortfall = 0;
  // What stands in the way of a shortfall.
  std::int64_t blocks_in_use = 0;
  std::int64_t blocks_pinned = 0;
  std::int64_t blocks_reserved = 0;
  // The cache's state the plan was made for.
  std::uint64_t version = 0;

  bool ok() const { return shortfall == 0; }
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_PLAN_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_EXPLAIN_PLAN_H_
#define PINTLE_WORKER_ENGINE_EXPLAIN_PLAN_H_

#include <cstdint>

#include "absl/time/time.h"
#include "contract/eviction_explanation.h"
#include "worker/kv/kv_cache.h"

namespace pintle {

// What the cache would evict now so that `tokens` more fit, rounded up to blocks: its plan, without
// carrying it out. The worker's name is the caller's to add.
// Thread: the engine's. O(victims + sessions ending in them).
EvictionExplanation ExplainPlan(const kv::KvCache& cache, std::int64_t tokens, absl::Duration now);

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_EXPLAIN_PLAN_H_

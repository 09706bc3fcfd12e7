// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_SNAPSHOT_H_
#define PINTLE_WORKER_ENGINE_ENGINE_SNAPSHOT_H_

#include <cstdint>
#include <vector>

#include "worker/kv/kv_insight.h"
#include "worker/kv/kv_stats.h"
#include "worker/tier/tier_stats.h"

namespace pintle {

// Load and progress of one engine, published after every step.
struct EngineSnapshot {
  std::int64_t turns_waiting = 0;
  std::int64_t turns_running = 0;
  std::int64_t sequences_running = 0;
  std::int64_t sequences_paused = 0;  // by a slow reader
  std::int64_t queued_uncached_tokens =
      0;  // prompt tokens still to be computed, waiting and running
  std::int64_t preemptions = 0;
  std::int64_t steps = 0;
  std::int64_t prompt_tokens_computed = 0;
  std::int64_t output_tokens = 0;
  // Tokens tried by speculation, and of them those that became output.
  std::int64_t drafted_tokens = 0;
  std::int64_t accepted_tokens = 0;
  // Measured over the last steps, tokens per second; 0 while unknown.
  double prefill_tokens_per_second = 0;
  double decode_tokens_per_second = 0;
  kv::KvStats kv;
  // The tiers below the device, if there are any.
  std::vector<tier::TierStats> tiers;
  kv::KvInsight insight;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_SNAPSHOT_H_

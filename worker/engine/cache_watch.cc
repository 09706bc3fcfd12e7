// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cache_watch.h"

#include <algorithm>

namespace pintle {
namespace {

// Four pools' worth of evicted blocks are remembered for regret: a session that comes back later
// than that was gone under any policy. The least keeps tiny pools honest, the most is 300 MiB.
constexpr std::int64_t kGhostsPerBlock = 4;
constexpr std::int64_t kGhostsMin = 4096;
constexpr std::int64_t kGhostsMax = 4 << 20;
// The sampling error falls with the root of the samples; 16,384 keep it near 0.01 in 1.5 MiB.
constexpr std::int32_t kForecastSamples = 16384;

kv::EventLog::Options EventOptions(const kv::KvOptions& options) {
  kv::EventLog::Options events;
  events.blocks = options.blocks;
  events.block_tokens = options.block_tokens;
  events.bytes_per_token = options.bytes_per_token;
  events.open_max = options.sequences_max;
  return events;
}

std::int32_t Ghosts(const kv::KvOptions& options) {
  return static_cast<std::int32_t>(
      std::clamp(options.blocks * kGhostsPerBlock, kGhostsMin, kGhostsMax));
}

}  // namespace

CacheWatch::CacheWatch(const kv::KvOptions& options, kv::KvCache& cache)
    : events_(EventOptions(options), cache.tree()),
      regret_(cache.hash(), options.block_tokens, Ghosts(options)),
      forecast_(cache.hash(), options.block_tokens, options.blocks,
                options.sequence_blocks_max == 0 ? options.blocks : options.sequence_blocks_max,
                kForecastSamples) {
  for (kv::KvObserver* observer :
       {static_cast<kv::KvObserver*>(&events_), static_cast<kv::KvObserver*>(&regret_),
        static_cast<kv::KvObserver*>(&forecast_), static_cast<kv::KvObserver*>(&tally_)}) {
    observers_.Add(observer);
  }
  cache.SetObserver(&observers_);
}

kv::KvInsight CacheWatch::Insight() const {
  kv::KvInsight insight;
  insight.regret_tokens = regret_.tokens();
  insight.regret_overflow_tokens = regret_.overflow_tokens();
  insight.expected_hit_ratios = forecast_.HitRatios();
  insight.evictions = tally_.rows();
  insight.events_lost = events_.lost();
  return insight;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_CACHE_WATCH_H_
#define PINTLE_WORKER_ENGINE_CACHE_WATCH_H_

#include <cstdint>

#include "worker/kv/event_log.h"
#include "worker/kv/eviction_tally.h"
#include "worker/kv/hit_forecast.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_insight.h"
#include "worker/kv/kv_observer_list.h"
#include "worker/kv/regret_meter.h"

namespace pintle {

// Everything that looks on while one KV cache works: events, regret, forecast, tally.
// Thread: confined to the engine thread. Borrows the cache, which tells it from now on.
// Fails: does not.
class CacheWatch {
 public:
  // Requires: nothing is held in the cache yet. `options` are the cache's.
  CacheWatch(const kv::KvOptions& options, kv::KvCache& cache);

  // Others that want to listen too. Requires: nothing is held in the cache yet.
  void Add(kv::KvObserver* observer) { observers_.Add(observer); }
  kv::EventLog& events() { return events_; }
  kv::KvInsight Insight() const;

 private:
  kv::EventLog events_;
  kv::RegretMeter regret_;
  kv::HitForecast forecast_;
  kv::EvictionTally tally_;
  kv::KvObserverList observers_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_CACHE_WATCH_H_

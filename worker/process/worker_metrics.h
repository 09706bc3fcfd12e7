// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_METRICS_H_
#define PINTLE_WORKER_PROCESS_WORKER_METRICS_H_

#include <utility>

#include "contract/cache_report.h"
#include "contract/ids.h"
#include "contract/model_info.h"
#include "services/metrics/sample_families.h"
#include "services/metrics/turn_metrics.h"
#include "worker/engine/engine_snapshot.h"

namespace pintle {

// A worker's figures as Prometheus and GetCacheStats see them: both are made from the same
// EngineSnapshot, so they cannot disagree.
// Thread: safe from any thread.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(ModelInfo model) : model_(std::move(model)), turns_(model_.name) {}

  // To be told of turns.
  TurnMetrics& turns() { return turns_; }
  void Collect(const EngineSnapshot& snapshot, SampleFamilies& families) const;

 private:
  void CollectTiers(const EngineSnapshot& snapshot, SampleFamilies& families) const;
  void CollectEvictions(const EngineSnapshot& snapshot, SampleFamilies& families) const;
  void CollectPins(const kv::KvStats& stats, SampleFamilies& families) const;
  void CollectCache(const EngineSnapshot& snapshot, SampleFamilies& families) const;

  const ModelInfo model_;
  TurnMetrics turns_;
};

// The cache's figures without sessions.
CacheReport CacheReportOf(const WorkerId& worker, const ModelInfo& model,
                          const EngineSnapshot& snapshot);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_METRICS_H_

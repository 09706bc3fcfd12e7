// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_
#define PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_

#include <utility>
#include <vector>

#include "contract/cache_report.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "worker/engine/engine_api.h"
#include "worker/tier/tier_stats.h"
#include "worker/turn/transcript_cache.h"

namespace pintle {

// Adds the tiers below the device to the report.
void AddLowerTiers(const std::vector<tier::TierStats>& tiers, CacheReport& report);

// A worker's answer to GetCacheStats: its engine's last snapshot, sessions by asking the engine.
// Thread: safe from any thread. Borrows what it is given.
class WorkerCacheSource final : public CacheStatsSource {
 public:
  WorkerCacheSource(WorkerId worker, ModelInfo model, EngineApi& engine,
                    const TranscriptCache& transcripts, const Clock& clock)
      : worker_(std::move(worker)),
        model_(std::move(model)),
        engine_(engine),
        transcripts_(transcripts),
        clock_(clock) {}

  void GetCacheReports(const TenantId& tenant, bool include_sessions, Callback done) override;

 private:
  const WorkerId worker_;
  const ModelInfo model_;
  EngineApi& engine_;
  const TranscriptCache& transcripts_;
  const Clock& clock_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_cache_source.h"

#include <memory>
#include <vector>

#include "contract/limits.h"
#include "worker/process/worker_metrics.h"

namespace pintle {

void AddLowerTiers(const std::vector<tier::TierStats>& tiers, CacheReport& report) {
  using kv::At;
  using kv::BlockState;
  for (const tier::TierStats& stats : tiers) {
    TierReport tier;
    tier.tier = stats.tier == kv::KvTier::kHost ? CacheTier::kHost : CacheTier::kDisk;
    tier.capacity_bytes = stats.capacity_bytes;
    tier.blocks_total = stats.blocks_total;
    tier.blocks_free = stats.blocks[At(BlockState::kFree)];
    tier.blocks_in_use = stats.blocks[At(BlockState::kInUse)];
    tier.blocks_evictable = stats.blocks[At(BlockState::kEvictable)];
    tier.tokens_resident = stats.physical.present;
    tier.tokens_stored = stats.physical.added;
    tier.tokens_moved_in = stats.physical.moved_in;
    tier.tokens_moved_out = stats.physical.moved_out;
    for (std::size_t i = 0; i < kv::kKvReasons; ++i) {
      if (stats.physical.removed[i] == 0 && stats.evictions[i] == 0) continue;
      tier.removed.push_back({static_cast<CacheReason>(i), stats.physical.removed[i],
                              stats.evictions[i], stats.evicted_bytes[i]});
    }
    report.tiers.push_back(std::move(tier));
  }
}

void WorkerCacheSource::GetCacheReports(const TenantId& tenant, bool include_sessions,
                                        Callback done) {
  const EngineSnapshot snapshot = engine_.Snapshot();
  CacheReport report = CacheReportOf(worker_, model_, snapshot.kv);
  AddLowerTiers(snapshot.tiers, report);
  if (!include_sessions) return done(std::vector<CacheReport>{std::move(report)});
  // Shared, because a refused query must still be answered.
  auto answer = std::make_shared<Callback>(std::move(done));
  const absl::Status asked = engine_.QuerySessions(
      transcripts_.KeysOf(tenant, limits::kSessionsPageMax),
      [this, answer, report = std::move(report)](std::vector<kv::KvSessionStats> sessions) mutable {
        const absl::Duration now = clock_.Monotonic();
        for (const kv::KvSessionStats& session : sessions) {
          if (session.held_tokens == 0) continue;
          report.sessions.push_back({session.key, session.held_tokens, session.held_blocks,
                                     session.shared_blocks, now - session.last_use});
        }
        (*answer)(std::vector<CacheReport>{std::move(report)});
      });
  if (!asked.ok()) (*answer)(asked);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_cache_source.h"

#include <memory>
#include <vector>

#include "contract/limits.h"
#include "worker/process/worker_metrics.h"

namespace pintle {

void WorkerCacheSource::GetCacheReports(const TenantId& tenant, bool include_sessions,
                                        Callback done) {
  CacheReport report = CacheReportOf(worker_, model_, engine_.Snapshot().kv);
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

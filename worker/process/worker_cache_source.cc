// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_cache_source.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "worker/process/worker_metrics.h"

namespace pintle {

void WorkerCacheSource::GetCacheReports(const CacheQuery& query, Callback done) {
  // Shared, because a refused question must still be answered.
  auto answer = std::make_shared<Callback>(std::move(done));
  const absl::Status asked =
      engine_.QueryTenants([this, query, answer](const std::vector<kv::KvTenantStats>& tenants) {
        CacheReport report = CacheReportOf(worker_, model_, engine_.Snapshot());
        for (const kv::KvTenantStats& tenant : tenants) {
          report.tenants.push_back({tenant.tenant, tenant.sessions, tenant.held_tokens,
                                    tenant.guaranteed_sessions, tenant.retained_sessions,
                                    tenant.guaranteed_tokens, tenant.quota_tokens,
                                    tenant.floor_tokens, tenant.resident_tokens});
        }
        AddSessions(query, std::move(report), std::move(*answer));
      });
  // Figures without tenants are better than none.
  if (!asked.ok()) {
    AddSessions(query, CacheReportOf(worker_, model_, engine_.Snapshot()), std::move(*answer));
  }
}

void WorkerCacheSource::AddSessions(const CacheQuery& query, CacheReport report, Callback done) {
  if (!query.include_sessions) return done(std::vector<CacheReport>{std::move(report)});
  std::vector<SessionKey> keys =
      transcripts_.KeysOf(query.tenant, std::numeric_limits<std::size_t>::max());
  std::erase_if(keys, [&query](const SessionKey& key) {
    return !query.after.empty() && (key.session <=> query.after) <= 0;
  });
  std::sort(keys.begin(), keys.end(),
            [](const SessionKey& a, const SessionKey& b) { return (a <=> b) < 0; });
  // Shared, because a refused query must still be answered.
  auto answer = std::make_shared<Callback>(std::move(done));
  const absl::Status asked = engine_.QuerySessions(
      std::move(keys), [this, answer, page_size = query.page_size, report = std::move(report)](
                           std::vector<kv::KvSessionStats> sessions) mutable {
        const absl::Duration now = clock_.Monotonic();
        for (const kv::KvSessionStats& session : sessions) {
          if (session.held_tokens == 0) continue;
          if (report.sessions.size() == page_size) break;
          report.sessions.push_back({session.key, session.held_tokens, session.held_blocks,
                                     session.shared_blocks, now - session.last_use});
        }
        (*answer)(std::vector<CacheReport>{std::move(report)});
      });
  if (!asked.ok()) (*answer)(asked);
}

CacheMoment WorkerCacheSource::Moment() const {
  CacheMoment moment;
  moment.report = CacheReportOf(worker_, model_, feed_.Figures(&moment.sequence));
  return moment;
}

void WorkerCacheSource::ExplainEviction(
    std::int64_t tokens, absl::AnyInvocable<void(absl::StatusOr<EvictionExplanation>)> done) {
  // Shared, because a refused question must still be answered.
  auto answer = std::make_shared<decltype(done)>(std::move(done));
  const absl::Status asked =
      engine_.ExplainEviction(tokens, [this, answer](EvictionExplanation explanation) {
        explanation.worker = worker_;
        (*answer)(std::move(explanation));
      });
  if (!asked.ok()) (*answer)(asked);
}

void WorkerCacheSource::SetEvictionPolicy(
    std::string name, absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) {
  auto answer = std::make_shared<decltype(done)>(std::move(done));
  const absl::Status asked = engine_.SetPolicy(
      std::move(name),
      [answer](absl::StatusOr<std::string> previous) { (*answer)(std::move(previous)); });
  if (!asked.ok()) (*answer)(asked);
}

}  // namespace pintle

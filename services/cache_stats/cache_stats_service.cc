// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/cache_stats_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/turns/refused_call.h"
#include "services/wire/cache_conversion.h"
#include "services/wire/cache_event_conversion.h"
#include "services/wire/read_mask.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

absl::StatusOr<CacheQuery> QueryOf(const v1::GetCacheStatsRequest& request,
                                   const TenantId& tenant) {
  PINTLE_RETURN_IF_ERROR(ValidateReadMask(
      request.read_mask(), *v1::GetCacheStatsResponse::default_instance().GetDescriptor()));
  if (request.page_size() < 0) {
    return InvalidField("page_size", absl::StrCat("is ", request.page_size(), ", at least 0"));
  }
  CacheQuery query;
  query.tenant = tenant;
  query.include_sessions = request.include_sessions();
  if (request.page_size() > 0) {
    query.page_size =
        std::min(limits::kSessionsPageMax, static_cast<std::size_t>(request.page_size()));
  }
  if (!request.page_token().empty()) {
    // The id of the last session of the page before.
    PINTLE_RETURN_IF_ERROR(ValidateName("page_token", request.page_token()));
    query.after = SessionId(request.page_token());
  }
  return query;
}

// Ends all workers' lists at the same id, so that one token continues them all. Answers it, empty
// when nobody has more.
SessionId EndPages(std::size_t page_size, std::vector<CacheReport>& reports) {
  SessionId end;
  for (const CacheReport& report : reports) {
    if (report.sessions.size() < page_size) continue;
    const SessionId& last = report.sessions.back().key.session;
    if (end.empty() || (last <=> end) < 0) end = last;
  }
  if (end.empty()) return end;
  for (CacheReport& report : reports) {
    std::erase_if(report.sessions, [&end](const SessionCacheReport& session) {
      return (session.key.session <=> end) > 0;
    });
  }
  return end;
}

absl::Status Answer(const v1::GetCacheStatsRequest& request, const CacheSight& sight,
                    std::size_t page_size, std::vector<CacheReport> reports,
                    v1::GetCacheStatsResponse* response) {
  const SessionId end = EndPages(page_size, reports);
  bool known = request.worker().empty();
  for (const CacheReport& report : reports) {
    if (!request.worker().empty() && report.worker.value() != request.worker()) continue;
    known = true;
    v1::WorkerCache* cache = response->add_workers();
    ToProto(report, cache);
    KeepSeen(sight, cache);
  }
  if (!known) return InvalidField("worker", "names no worker that reports");
  if (request.worker().empty()) {
    for (const TierReport& tier : SumTiers(reports)) ToProto(tier, response->add_total());
  }
  response->set_next_page_token(end.value());
  ApplyReadMask(request.read_mask(), response);
  return absl::OkStatus();
}

}  // namespace

CacheStatsService::Unary* CacheStatsService::GetCacheStats(Context* context,
                                                           const v1::GetCacheStatsRequest* request,
                                                           v1::GetCacheStatsResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::StatusOr<CacheSight> sight = callers_.SightOf(CredentialsOf(*context));
  absl::StatusOr<CacheQuery> query = sight.ok() ? QueryOf(*request, sight->tenant) : sight.status();
  if (!query.ok()) {
    reactor->Finish(ToGrpcStatus(query.status()));
    return reactor;
  }
  // The call cannot end before Finish, so request and response outlive the source's work.
  const std::size_t page_size = query->page_size;
  source_.GetCacheReports(*query, [reactor, request, response, sight = *sight,
                                   page_size](absl::StatusOr<std::vector<CacheReport>> reports) {
    absl::Status status = reports.status();
    if (status.ok()) status = Answer(*request, sight, page_size, *std::move(reports), response);
    reactor->Finish(ToGrpcStatus(status));
  });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>* CacheStatsService::WatchCacheEvents(
    Context* context, const v1::WatchCacheEventsRequest* request) {
  const absl::StatusOr<CacheSight> sight = callers_.SightOf(CredentialsOf(*context));
  if (!sight.ok()) {
    // Owns itself until OnDone.
    return new RefusedCall<CacheOperations::WatchReactor>(sight.status());
  }
  return operations_.Watch(*sight, *request);
}

CacheStatsService::Unary* CacheStatsService::ExplainEviction(
    Context* context, const v1::ExplainEvictionRequest* request,
    v1::ExplainEvictionResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::StatusOr<CacheSight> sight = callers_.SightOf(CredentialsOf(*context));
  if (sight.ok()) {
    operations_.Explain(*sight, *request, response, [reactor](const absl::Status& status) {
      reactor->Finish(ToGrpcStatus(status));
    });
  } else {
    reactor->Finish(ToGrpcStatus(sight.status()));
  }
  return reactor;
}

CacheStatsService::Unary* CacheStatsService::SetEvictionPolicy(
    Context* context, const v1::SetEvictionPolicyRequest* request,
    v1::SetEvictionPolicyResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::Status allowed = callers_.RequireOperator(CredentialsOf(*context));
  if (allowed.ok()) {
    operations_.SetPolicy(*request, response, [reactor](const absl::Status& status) {
      reactor->Finish(ToGrpcStatus(status));
    });
  } else {
    reactor->Finish(ToGrpcStatus(allowed));
  }
  return reactor;
}

}  // namespace pintle

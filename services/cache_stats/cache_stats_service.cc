// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/cache_stats_service.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/identity/call_metadata.h"
#include "services/turns/refused_call.h"
#include "services/wire/cache_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {

absl::Status CacheStatsService::NotYet(const Context& context, const char* method) const {
  PINTLE_RETURN_IF_ERROR(callers_.TenantOf(CredentialsOf(context)).status());
  return MakeError(Reason::kNotYet, absl::StrCat(method, " is not there yet"));
}

CacheStatsService::Unary* CacheStatsService::GetCacheStats(Context* context,
                                                           const v1::GetCacheStatsRequest* request,
                                                           v1::GetCacheStatsResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::StatusOr<TenantId> tenant = callers_.TenantOf(CredentialsOf(*context));
  if (!tenant.ok()) {
    reactor->Finish(ToGrpcStatus(tenant.status()));
    return reactor;
  }
  // The call cannot end before Finish, so the response outlives the source's work.
  source_.GetCacheReports(
      *tenant, request->include_sessions(),
      [reactor, response](const absl::StatusOr<std::vector<CacheReport>>& reports) {
        if (reports.ok()) {
          for (const CacheReport& report : *reports) ToProto(report, response->add_workers());
          for (const TierReport& tier : SumTiers(*reports)) ToProto(tier, response->add_total());
        }
        reactor->Finish(ToGrpcStatus(reports.status()));
      });
  return reactor;
}

grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>* CacheStatsService::WatchCacheEvents(
    Context* context, const v1::WatchCacheEventsRequest* /*request*/) {
  return new RefusedCall<grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>>(
      NotYet(*context, "WatchCacheEvents"));
}

CacheStatsService::Unary* CacheStatsService::ExplainEviction(
    Context* context, const v1::ExplainEvictionRequest* /*request*/,
    v1::ExplainEvictionResponse* /*response*/) {
  auto* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(NotYet(*context, "ExplainEviction")));
  return reactor;
}

CacheStatsService::Unary* CacheStatsService::SetEvictionPolicy(
    Context* context, const v1::SetEvictionPolicyRequest* /*request*/,
    v1::SetEvictionPolicyResponse* /*response*/) {
  auto* reactor = context->DefaultReactor();
  absl::Status status = callers_.RequireAdmin(CredentialsOf(*context));
  if (status.ok()) status = MakeError(Reason::kNotYet, "SetEvictionPolicy is not there yet");
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

}  // namespace pintle

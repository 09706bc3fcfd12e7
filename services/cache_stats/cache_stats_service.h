// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_CACHE_STATS_CACHE_STATS_SERVICE_H_
#define PINTLE_SERVICES_CACHE_STATS_CACHE_STATS_SERVICE_H_

#include "absl/status/statusor.h"
#include "contract/cache_report.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "services/cache_stats/cache_operations.h"
#include "services/identity/caller_rules.h"

namespace pintle {

// The CacheStats service over whoever knows the figures and whoever can act. Readable on a worker
// that serves a coordinator too; SetEvictionPolicy is the admin's.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class CacheStatsService final : public v1::CacheStats::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  CacheStatsService(CacheStatsSource& source, CacheOperations& operations,
                    const CallerRules& callers)
      : source_(source), operations_(operations), callers_(callers) {}

  Unary* GetCacheStats(Context* context, const v1::GetCacheStatsRequest* request,
                       v1::GetCacheStatsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>* WatchCacheEvents(
      Context* context, const v1::WatchCacheEventsRequest* request) override;
  Unary* ExplainEviction(Context* context, const v1::ExplainEvictionRequest* request,
                         v1::ExplainEvictionResponse* response) override;
  Unary* SetEvictionPolicy(Context* context, const v1::SetEvictionPolicyRequest* request,
                           v1::SetEvictionPolicyResponse* response) override;

 private:
  CacheStatsSource& source_;
  CacheOperations& operations_;
  const CallerRules& callers_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_CACHE_STATS_CACHE_STATS_SERVICE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_CACHE_STATS_CACHE_OPERATIONS_H_
#define PINTLE_SERVICES_CACHE_STATS_CACHE_OPERATIONS_H_

#include <grpcpp/support/server_callback.h>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "pintle/v1/cache.pb.h"
#include "services/identity/caller_rules.h"

namespace pintle {

// What the CacheStats service can do beside telling figures: on a worker with its own cache, on a
// coordinator with the cache of the worker that the request names. The caller was let in already;
// `sight` says whose sessions it may see.
// Thread: safe from any thread. `done` runs once, on any thread; the response must live until then.
class CacheOperations {
 public:
  using Done = absl::AnyInvocable<void(absl::Status)>;
  using WatchReactor = grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>;

  virtual ~CacheOperations() = default;
  // A reactor that owns itself until OnDone; one that refuses ends at once.
  virtual WatchReactor* Watch(const CacheSight& sight,
                              const v1::WatchCacheEventsRequest& request) = 0;
  virtual void Explain(const CacheSight& sight, const v1::ExplainEvictionRequest& request,
                       v1::ExplainEvictionResponse* response, Done done) = 0;
  virtual void SetPolicy(const v1::SetEvictionPolicyRequest& request,
                         v1::SetEvictionPolicyResponse* response, Done done) = 0;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_CACHE_STATS_CACHE_OPERATIONS_H_

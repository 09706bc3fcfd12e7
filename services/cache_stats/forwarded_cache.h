// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_CACHE_STATS_FORWARDED_CACHE_H_
#define PINTLE_SERVICES_CACHE_STATS_FORWARDED_CACHE_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "services/cache_stats/cache_operations.h"

namespace pintle {

// A worker to ask, and the identity to ask it with.
struct CachePeer {
  std::shared_ptr<v1::CacheStats::Stub> stub;
  std::string cluster_token;  // empty for none
};

// Whoever knows the workers: the coordinator.
class CachePeers {
 public:
  virtual ~CachePeers() = default;
  // The worker of this name; of an empty one the only worker there is. INVALID_FIELD for a name
  // that is none's, and for an empty one when there is not exactly one worker.
  virtual absl::StatusOr<CachePeer> FindPeer(const std::string& worker) = 0;
};

// The operations of a coordinator: passed on to the worker that the request names.
// Thread: safe from any thread. Borrows the peers, until its server is shut down.
// Fails: with the worker's own status; WORKER_LOST when it cannot be reached.
class ForwardedCache final : public CacheOperations {
 public:
  explicit ForwardedCache(CachePeers& peers) : peers_(peers) {}

  WatchReactor* Watch(const CacheSight& sight, const v1::WatchCacheEventsRequest& request) override;
  void Explain(const CacheSight& sight, const v1::ExplainEvictionRequest& request,
               v1::ExplainEvictionResponse* response, Done done) override;
  void SetPolicy(const v1::SetEvictionPolicyRequest& request,
                 v1::SetEvictionPolicyResponse* response, Done done) override;

 private:
  CachePeers& peers_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_CACHE_STATS_FORWARDED_CACHE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_CACHE_STATS_LOCAL_CACHE_H_
#define PINTLE_SERVICES_CACHE_STATS_LOCAL_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "contract/cache_desk.h"
#include "services/cache_stats/cache_operations.h"
#include "services/cache_stats/watch_call.h"

namespace pintle {

// The operations of a worker: on its own cache. One thread looks for new events and wakes the
// watchers, so that the engine never waits for a peer.
// Thread: safe from any thread. Owns its thread; borrows the desk. Destroy after the server ended.
// Fails: Watch with QUEUE_FULL beyond `watchers_max`.
class LocalCache final : public CacheOperations {
 public:
  LocalCache(CacheDesk& desk, std::size_t watchers_max);
  ~LocalCache() override;

  WatchReactor* Watch(const CacheSight& sight, const v1::WatchCacheEventsRequest& request) override;
  void Explain(const CacheSight& sight, const v1::ExplainEvictionRequest& request,
               v1::ExplainEvictionResponse* response, Done done) override;
  void SetPolicy(const v1::SetEvictionPolicyRequest& request,
                 v1::SetEvictionPolicyResponse* response, Done done) override;

 private:
  void Run();
  // Those that still live.
  std::vector<std::shared_ptr<WatchCall>> Watchers();

  CacheDesk& desk_;
  const std::size_t watchers_max_;
  // Guards what follows.
  absl::Mutex mutex_;
  std::vector<std::weak_ptr<WatchCall>> watchers_ ABSL_GUARDED_BY(mutex_);
  std::size_t watching_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool drained_ ABSL_GUARDED_BY(mutex_) = false;  // the desk has no more events
  std::thread thread_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_CACHE_STATS_LOCAL_CACHE_H_

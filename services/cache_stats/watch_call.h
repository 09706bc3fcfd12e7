// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_CACHE_STATS_WATCH_CALL_H_
#define PINTLE_SERVICES_CACHE_STATS_WATCH_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/cache_desk.h"
#include "pintle/v1/cache.pb.h"
#include "services/identity/caller_rules.h"

namespace pintle {

// One watcher of a worker's cache:
//
//   begin -> (gap?) -> snapshot -> idle <-----------------+
//     | resumed                     | Advance: new events |  Advance: the next event is gone
//     +---------------------------> writing --OnWriteDone-+----------> gap -> snapshot
//   OnCancel, a failed write, End -> finishing --OnDone--> (released)
//
// One write is in flight at a time. Nothing is kept for a slow reader: it has a place in the
// worker's bounded ring and falls out of it.
// Thread: safe from any thread. Holds itself until OnDone. Borrows the desk.
class WatchCall final : public grpc::ServerWriteReactor<v1::WatchCacheEventsResponse>,
                        public std::enable_shared_from_this<WatchCall> {
 public:
  // `gone` runs once, at OnDone.
  WatchCall(const CacheDesk& desk, CacheSight sight, const v1::WatchCacheEventsRequest& request,
            std::function<void()> gone);

  // Holds itself from now on. Requires: called once, before gRPC gets this.
  void Begin();
  // Writes what is new unless a write is under way.
  void Advance();
  // Ends the call.
  void End(const absl::Status& status);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  enum class Next { kGap, kSnapshot, kEvents };

  // Makes `response_` the next message; false when there is nothing to say.
  bool Compose() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ComposeGap() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const CacheDesk& desk_;
  const CacheSight sight_;
  const std::function<void()> gone_;
  std::shared_ptr<WatchCall> self_;
  // Guards what follows, and the order of writes and Finish; reactions never run inside a call.
  absl::Mutex mutex_;
  Next next_ ABSL_GUARDED_BY(mutex_) = Next::kEvents;
  std::uint64_t asked_epoch_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t place_ ABSL_GUARDED_BY(mutex_);  // sequence of the last event told
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<CacheEvent> events_ ABSL_GUARDED_BY(mutex_);  // scratch room
  v1::WatchCacheEventsResponse response_;                   // of the write in flight
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_CACHE_STATS_WATCH_CALL_H_

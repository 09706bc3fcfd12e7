// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_SLOW_READERS_H_
#define PINTLE_SERVICES_TURNS_SLOW_READERS_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/turns/turn_pump.h"

namespace pintle {

// Ends turns whose peer has not taken one message for too long: they roll back at once, so that
// their sessions are free, and the peer is told SLOW_READER if it ever reads on. The engine's own
// watch frees the blocks of a paused sequence; this one frees what stands before it. Thread: safe
// from any thread; Sweep by one at a time. Knows pumps weakly.
class SlowReaders {
 public:
  void Watch(const std::shared_ptr<TurnPump>& pump);
  // Gives up the pumps busy with one event for `limit` or longer; returns how many. Call it several
  // times a limit. Time is the caller's monotonic clock.
  std::size_t Sweep(absl::Duration now, absl::Duration limit);

 private:
  struct Watched {
    std::weak_ptr<TurnPump> pump;
    std::uint64_t event = 0;
    absl::Duration since = absl::InfiniteDuration();
  };

  // Guards the list.
  absl::Mutex mutex_;
  std::vector<Watched> watched_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_SLOW_READERS_H_

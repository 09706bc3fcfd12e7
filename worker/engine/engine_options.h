// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_ENGINE_OPTIONS_H_
#define PINTLE_WORKER_ENGINE_ENGINE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/time/time.h"
#include "contract/limits.h"
#include "worker/engine/speculator.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_observer.h"
#include "worker/scheduler/scheduler.h"

namespace pintle {

struct EngineOptions {
  SchedulerOptions scheduler;
  SpeculationOptions speculation;
  // Blocks, their size and bytes come from the decoder; the other fields are taken as they are.
  kv::KvOptions kv;
  // A reader that stays behind this long loses its turn.
  absl::Duration slow_reader_time = limits::kSlowReaderTime;
  // How long a turn whose choices have all ended may hold its blocks until its Commit: it comes
  // within microseconds unless the stream's reader is gone.
  absl::Duration commit_time = limits::kSlowReaderTime;
  // Names this process's stream of cache events: its incarnation.
  std::uint64_t event_epoch = 1;
  // Told of everything that happens in the cache beside the engine's own; outlives the engine.
  kv::KvObserver* cache_observer = nullptr;
  std::size_t events_kept = limits::kCacheEventsKept;
  // Called on the engine thread after each round, when all it had for the turns' sinks was pushed.
  // Never blocks; may be empty.
  std::function<void()> delivered;
  std::size_t queue_requests = limits::kQueueRequests;
  std::size_t mailbox_messages = limits::kMailboxMessages;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_ENGINE_OPTIONS_H_

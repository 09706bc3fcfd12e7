// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_CACHE_EVENT_FEED_H_
#define PINTLE_WORKER_ENGINE_CACHE_EVENT_FEED_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "contract/cache_event.h"
#include "worker/engine/engine_snapshot.h"
#include "worker/kv/event_log.h"

namespace pintle {

// The latest cache events, for any number of readers that each keep a place of their own: a ring
// from which a reader that is too slow falls out and is told so. Beside it the figures as they were
// at one place of the stream, so that figures plus later events are the figures later.
// Thread: Publish by the engine; the rest is safe from any thread.
// Owns its copies; written in place, so that soon nothing is allocated. Fails: does not.
class CacheEventFeed {
 public:
  CacheEventFeed(std::uint64_t epoch, std::size_t events_max);

  // Moves all of the log's events here. With `flushed` the figures are exactly those of the events
  // so far and readers that begin get them.
  void Publish(kv::EventLog& log, const EngineSnapshot& figures, bool flushed);
  // Ends every Await, now and later.
  void Close();

  // Names this process's stream.
  std::uint64_t epoch() const { return epoch_; }
  // Up to `max` events after `sequence`, oldest first. False when the next one is gone or has a
  // sequence this feed never gave: begin with a snapshot.
  bool Read(std::uint64_t sequence, std::size_t max, std::vector<CacheEvent>* events) const;
  // Figures, and the sequence of the last event they include.
  EngineSnapshot Figures(std::uint64_t* sequence) const;
  // Waits until there are events after `sequence`, `timeout` has passed, or Close. False on Close.
  bool Await(std::uint64_t sequence, absl::Duration timeout) const;
  std::uint64_t last_sequence() const;

 private:
  const std::uint64_t epoch_;
  // Guards what follows; held for copies of events only.
  mutable absl::Mutex mutex_;
  std::vector<CacheEvent> ring_ ABSL_GUARDED_BY(mutex_);  // of `sequence` at sequence % size
  std::uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  // The first sequence after the last one that was lost: everything from here on is in the ring, or
  // was.
  std::uint64_t whole_from_ ABSL_GUARDED_BY(mutex_) = 1;
  EngineSnapshot figures_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t figures_at_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_CACHE_EVENT_FEED_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cache_event_feed.h"

#include <algorithm>

namespace pintle {

CacheEventFeed::CacheEventFeed(std::uint64_t epoch, std::size_t events_max)
    : epoch_(epoch), ring_(events_max) {}

void CacheEventFeed::Publish(kv::EventLog& log, const EngineSnapshot& figures, bool flushed) {
  absl::MutexLock lock(&mutex_);
  log.Take([this](const CacheEvent& event) ABSL_NO_THREAD_SAFETY_ANALYSIS {
    if (event.sequence != last_ + 1) whole_from_ = event.sequence;
    last_ = event.sequence;
    ring_[static_cast<std::size_t>(last_ % ring_.size())] = event;
  });
  if (!flushed) return;
  figures_ = figures;
  figures_at_ = last_;
}

void CacheEventFeed::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

bool CacheEventFeed::Read(std::uint64_t sequence, std::size_t max,
                          std::vector<CacheEvent>* events) const {
  absl::MutexLock lock(&mutex_);
  const std::uint64_t oldest =
      std::max(whole_from_, last_ < ring_.size() ? 1 : last_ - ring_.size() + 1);
  if (sequence > last_ || sequence + 1 < oldest) return false;
  const std::uint64_t until = std::min<std::uint64_t>(last_, sequence + max);
  for (std::uint64_t at = sequence + 1; at <= until; ++at) {
    events->push_back(ring_[static_cast<std::size_t>(at % ring_.size())]);
  }
  return true;
}

EngineSnapshot CacheEventFeed::Figures(std::uint64_t* sequence) const {
  absl::MutexLock lock(&mutex_);
  *sequence = figures_at_;
  return figures_;
}

bool CacheEventFeed::Await(std::uint64_t sequence, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto there = [this, sequence]()
                         ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || last_ > sequence; };
  mutex_.AwaitWithTimeout(absl::Condition(&there), timeout);
  return !closed_;
}

std::uint64_t CacheEventFeed::last_sequence() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

}  // namespace pintle

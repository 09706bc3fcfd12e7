// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TEXT_POOL_H_
#define PINTLE_WORKER_TURN_TEXT_POOL_H_

#include <cstddef>
#include <deque>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace pintle {

// A few threads that render, tokenize and detokenize, so that neither gRPC's callbacks nor the
// engine ever do. Jobs run in no particular order.
// Thread: safe from any thread. Owns its threads; the destructor runs what is queued, then joins.
class TextPool {
 public:
  using Job = absl::AnyInvocable<void()>;

  // Requires: threads >= 1. `jobs_max` bounds what TryPost queues.
  TextPool(int threads, std::size_t jobs_max);
  ~TextPool();
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  // Queues a job for new work; false when jobs_max are waiting and the caller must be refused.
  bool TryPost(Job job);
  // Queues a job of a running turn. Bounded by the number of running turns, which have one each.
  void Post(Job job);

 private:
  void Run();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return closed_ || !jobs_.empty(); }

  const std::size_t jobs_max_;
  // Guards the queue; held for pushes and pops only, never while a job runs.
  absl::Mutex mutex_;
  std::deque<Job> jobs_ ABSL_GUARDED_BY(mutex_);
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TEXT_POOL_H_

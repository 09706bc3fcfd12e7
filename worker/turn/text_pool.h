// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TEXT_POOL_H_
#define PINTLE_WORKER_TURN_TEXT_POOL_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace pintle {

// A few threads that render, tokenize and detokenize, so that neither gRPC's callbacks nor the
// engine ever do. Jobs run in no particular order. What the running turns get in one step is
// brief and goes to one thread in one go: on the cores where the next step is computed meanwhile,
// waking threads costs more than what they have to do.
// Thread: safe from any thread. Owns its threads; the destructor runs what is queued, then joins.
class TextPool {
 public:
  using Job = absl::AnyInvocable<void()>;

  // Jobs of running turns that one thread takes on before another is woken: a few hundred
  // microseconds of work.
  static constexpr std::size_t kBatch = 64;

  // Called by the thread that takes what the running turns get in one go, before and after it: what
  // the jobs write may leave together.
  struct Bracket {
    std::function<void()> begin;
    std::function<void()> end;
  };

  // Requires: threads >= 1. `jobs_max` bounds what TryPost queues. The bracket may be empty.
  TextPool(int threads, std::size_t jobs_max, Bracket bracket = {});
  ~TextPool();
  TextPool(const TextPool&) = delete;
  TextPool& operator=(const TextPool&) = delete;

  // Queues a job for new work; false when jobs_max are waiting and the caller must be refused.
  bool TryPost(Job job);
  // The same for new work that was accepted before.
  void PostAccepted(Job job);
  // Queues a job of a running turn, which must be brief. Bounded by the number of running turns,
  // which have one each.
  void Post(Job job);
  // The same, but may leave it lying until the next Wake: for a caller that has several to post.
  void PostQuietly(Job job);
  // Sees to it that what was posted quietly is run.
  void Wake();

 private:
  void Run();
  // Whether a thread more is to take on jobs of running turns.
  bool WantsTaker() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !running_.empty() && running_.size() > kBatch * takers_;
  }
  // Wakes a thread for the running turns' jobs, if those awake do not suffice.
  void WakeTaker() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Wakes a sleeping thread, if there is one.
  void WakeOne() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RunBatch() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t jobs_max_;
  const Bracket bracket_;
  // Guards the queues; held for pushes and pops only, never while a job runs.
  absl::Mutex mutex_;
  absl::CondVar work_;
  std::deque<Job> new_ ABSL_GUARDED_BY(mutex_);
  std::deque<Job> running_ ABSL_GUARDED_BY(mutex_);
  std::size_t takers_ ABSL_GUARDED_BY(mutex_) = 0;  // threads inside RunBatch
  std::size_t asleep_ ABSL_GUARDED_BY(mutex_) = 0;  // less those woken and not yet up
  std::size_t woken_ ABSL_GUARDED_BY(mutex_) = 0;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TEXT_POOL_H_

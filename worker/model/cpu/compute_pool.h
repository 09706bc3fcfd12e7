// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_COMPUTE_POOL_H_
#define PINTLE_WORKER_MODEL_CPU_COMPUTE_POOL_H_

#include <atomic>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"

namespace pintle::model::cpu {

// The process's compute threads: N - 1 of its own and the caller of Run, which is the N-th.
// Between steps its threads spin for a bounded time, then sleep, so an idle worker costs nothing.
// Thread: Run is confined to one thread at a time; Wait is for the threads inside Run.
// Owns its threads; the destructor joins them. Cannot fail after construction.
class ComputePool {
 public:
  // Requires: threads >= 1; `cores` is empty or has one processor per thread (core_pinning.h),
  // to which the pool's threads keep.
  explicit ComputePool(int threads, std::vector<int> cores = {});
  ~ComputePool();
  ComputePool(const ComputePool&) = delete;
  ComputePool& operator=(const ComputePool&) = delete;

  int threads() const { return threads_; }

  // Pins the calling thread to thread 0's processor, if the pool has processors: for the thread
  // that calls Run again and again. Whatever threads it starts later inherit it.
  void PinCaller();

  // Calls work(0) here and work(1) .. work(threads - 1) on the pool's threads; returns when all
  // have returned.
  void Run(absl::FunctionRef<void(int)> work);

  // Barrier of all threads inside the current Run: what any wrote before it, all see after it.
  void Wait();

 private:
  void Serve(int index);

  const int threads_;
  const std::vector<int> cores_;
  std::thread::id pinned_caller_;
  std::atomic<int> round_{0};       // rises by one per Run; the sleepers' futex
  std::atomic<int> arrived_{0};     // threads at the barrier
  std::atomic<int> generation_{0};  // rises by one per completed barrier
  std::atomic<bool> stopping_{false};
  const absl::FunctionRef<void(int)>* work_ = nullptr;  // published by round_
  std::vector<std::thread> workers_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_COMPUTE_POOL_H_

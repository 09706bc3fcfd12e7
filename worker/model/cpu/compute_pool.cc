// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/compute_pool.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

#include <utility>

#include "contract/check.h"
#include "worker/model/cpu/core_pinning.h"

namespace pintle::model::cpu {
namespace {

// About 100 us of pauses: longer than the engine needs between two steps and than the stages of
// a layer differ, short enough that an idle worker is asleep before a load average can see it.
constexpr int kSpins = 2500;
// Where the cores are shared with other processes, the partner may be waiting for this very core.
constexpr int kYields = 20;

// Waits until `value` differs from `old`: spins, then yields, then sleeps in the kernel.
void AwaitChange(const std::atomic<int>& value, int old) {
  for (int i = 0; i < kSpins + kYields; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    if (i < kSpins) {
      _mm_pause();
    } else {
      sched_yield();
    }
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

}  // namespace

ComputePool::ComputePool(int threads, std::vector<int> cores)
    : threads_(threads), cores_(std::move(cores)) {
  PINTLE_CHECK(threads >= 1, "the caller itself is the first thread");
  PINTLE_CHECK(cores_.empty() || cores_.size() == static_cast<std::size_t>(threads),
               "every thread has a processor or none has");
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { Serve(i); });
}

ComputePool::~ComputePool() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ComputePool::PinCaller() {
  if (cores_.empty() || pinned_caller_ == std::this_thread::get_id()) return;
  PinThisThread(cores_.front());
  pinned_caller_ = std::this_thread::get_id();
}

void ComputePool::Run(absl::FunctionRef<void(int)> work) {
  work_ = &work;
  if (threads_ > 1) {
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  work(0);
  Wait();
  work_ = nullptr;
}

void ComputePool::Wait() {
  if (threads_ == 1) return;
  const int generation = generation_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
    arrived_.store(0, std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
    generation_.notify_all();
    return;
  }
  AwaitChange(generation_, generation);
}

void ComputePool::Serve(int index) {
  pthread_setname_np(pthread_self(), "compute");  // for whoever asks where the time goes
  if (!cores_.empty()) PinThisThread(cores_[static_cast<std::size_t>(index)]);
  // Starts from 0, not from what round_ is by now: a Run may have begun before this thread did.
  int seen = 0;
  while (true) {
    AwaitChange(round_, seen);
    // Run cannot return before this thread reaches its barrier, so rounds are never skipped.
    ++seen;
    if (stopping_.load(std::memory_order_relaxed)) return;
    (*work_)(index);
    Wait();
  }
}

}  // namespace pintle::model::cpu

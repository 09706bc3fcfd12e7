// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/text_pool.h"

#include <pthread.h>

#include <cstddef>
#include <iterator>
#include <utility>

#include "contract/check.h"

namespace pintle {

TextPool::TextPool(int threads, std::size_t jobs_max, Bracket bracket)
    : jobs_max_(jobs_max), bracket_(std::move(bracket)) {
  PINTLE_CHECK(threads >= 1, "a pool needs a thread");
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

TextPool::~TextPool() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
    work_.SignalAll();
  }
  for (std::thread& thread : threads_) thread.join();
}

bool TextPool::TryPost(Job job) {
  absl::MutexLock lock(&mutex_);
  if (new_.size() >= jobs_max_) return false;
  new_.push_back(std::move(job));
  WakeOne();
  return true;
}

void TextPool::PostAccepted(Job job) {
  absl::MutexLock lock(&mutex_);
  new_.push_back(std::move(job));
  WakeOne();
}

void TextPool::Post(Job job) {
  absl::MutexLock lock(&mutex_);
  running_.push_back(std::move(job));
  WakeTaker();
}

void TextPool::PostQuietly(Job job) {
  absl::MutexLock lock(&mutex_);
  running_.push_back(std::move(job));
}

void TextPool::Wake() {
  absl::MutexLock lock(&mutex_);
  WakeTaker();
}

void TextPool::WakeTaker() {
  // Whoever is about to get up takes a batch first.
  if (!running_.empty() && running_.size() > kBatch * (takers_ + woken_)) WakeOne();
}

void TextPool::WakeOne() {
  if (asleep_ == 0) return;
  --asleep_;
  ++woken_;
  work_.Signal();
}

void TextPool::RunBatch() {
  std::deque<Job> batch;
  if (running_.size() <= kBatch) {
    batch.swap(running_);
  } else {
    const auto end = running_.begin() + static_cast<std::ptrdiff_t>(kBatch);
    batch.insert(batch.end(), std::make_move_iterator(running_.begin()),
                 std::make_move_iterator(end));
    running_.erase(running_.begin(), end);
  }
  ++takers_;
  WakeTaker();
  mutex_.Unlock();
  if (bracket_.begin) bracket_.begin();
  for (Job& job : batch) std::move(job)();
  batch.clear();
  if (bracket_.end) bracket_.end();
  mutex_.Lock();
  --takers_;
}

void TextPool::Run() {
  pthread_setname_np(pthread_self(), "text");  // for whoever asks where the time goes
  absl::MutexLock lock(&mutex_);
  while (true) {
    if (WantsTaker()) {
      RunBatch();
    } else if (!new_.empty()) {
      Job job = std::move(new_.front());
      new_.pop_front();
      mutex_.Unlock();
      std::move(job)();
      job = nullptr;  // what it holds may call back
      mutex_.Lock();
    } else if (closed_) {
      return;  // those inside RunBatch look again when they are through
    } else {
      ++asleep_;
      work_.Wait(&mutex_);
      // Which of the two counters a wake-up comes from does not matter; their sum does.
      --(woken_ > 0 ? woken_ : asleep_);
    }
  }
}

}  // namespace pintle

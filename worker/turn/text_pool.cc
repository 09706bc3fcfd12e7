// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/text_pool.h"

#include <pthread.h>

#include <utility>

#include "contract/check.h"

namespace pintle {

TextPool::TextPool(int threads, std::size_t jobs_max) : jobs_max_(jobs_max) {
  PINTLE_CHECK(threads >= 1, "a pool needs a thread");
  threads_.reserve(static_cast<std::size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
}

TextPool::~TextPool() {
  {
    absl::MutexLock lock(&mutex_);
    closed_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

bool TextPool::TryPost(Job job) {
  absl::MutexLock lock(&mutex_);
  if (jobs_.size() >= jobs_max_) return false;
  jobs_.push_back(std::move(job));
  return true;
}

void TextPool::Post(Job job) {
  absl::MutexLock lock(&mutex_);
  jobs_.push_back(std::move(job));
}

void TextPool::Run() {
  pthread_setname_np(pthread_self(), "text");  // for whoever asks where the time goes
  while (true) {
    Job job;
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(
          +[](TextPool* pool)
               ABSL_EXCLUSIVE_LOCKS_REQUIRED(pool->mutex_) { return pool->HasWork(); },
          this));
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    std::move(job)();
  }
}

}  // namespace pintle

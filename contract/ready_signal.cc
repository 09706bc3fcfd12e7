// SPDX-License-Identifier: Apache-2.0
#include "contract/ready_signal.h"

#include <utility>

#include "contract/check.h"

namespace pintle {

void ReadySignal::SetCallback(absl::AnyInvocable<void()> callback) {
  bool run = false;
  {
    absl::MutexLock lock(&mutex_);
    PINTLE_CHECK(!has_callback_, "a stream has one ready callback");
    if (closed_) return;
    callback_ = std::move(callback);
    has_callback_ = true;
    run = pending_ && !held_;
    if (run) {
      pending_ = false;
      running_ = true;
      runner_ = std::this_thread::get_id();
    }
  }
  if (run) Run();
}

void ReadySignal::Notify() {
  {
    absl::MutexLock lock(&mutex_);
    if (closed_) return;
    if (!has_callback_ || running_ || held_) {
      pending_ = true;
      return;
    }
    running_ = true;
    runner_ = std::this_thread::get_id();
  }
  Run();
}

void ReadySignal::Run() {
  while (true) {
    callback_();
    absl::MutexLock lock(&mutex_);
    if (!pending_ || closed_ || held_) {
      running_ = false;
      return;
    }
    pending_ = false;
  }
}

void ReadySignal::Hold() {
  absl::MutexLock lock(&mutex_);
  held_ = true;
}

bool ReadySignal::ReleaseUnlessNotified() {
  absl::MutexLock lock(&mutex_);
  if (!held_) return false;
  if (pending_) {
    pending_ = false;
    return true;
  }
  held_ = false;
  return false;
}

void ReadySignal::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  const std::thread::id self = std::this_thread::get_id();
  const auto quiet = [this, self]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !running_ || runner_ == self;
  };
  mutex_.Await(absl::Condition(&quiet));
}

}  // namespace pintle

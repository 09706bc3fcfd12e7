// SPDX-License-Identifier: Apache-2.0
#include "cli/interrupt.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include "cli/exit_codes.h"
#include "contract/check.h"

namespace pintle {

Interrupt::Watch::Watch(Interrupt& interrupt, std::function<void()> cancel)
    : interrupt_(interrupt) {
  absl::MutexLock lock(&interrupt_.mutex_);
  PINTLE_CHECK(interrupt_.cancel_ == nullptr, "one call is watched at a time");
  interrupt_.cancel_ = std::move(cancel);
  // A signal between two calls of one command must not be forgotten.
  if (interrupt_.requested_) interrupt_.cancel_();
}

Interrupt::Watch::~Watch() {
  absl::MutexLock lock(&interrupt_.mutex_);
  interrupt_.cancel_ = nullptr;
}

void Interrupt::ListenToSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  PINTLE_CHECK(pthread_sigmask(SIG_BLOCK, &signals, nullptr) == 0, "signals can be blocked");
  std::thread([this, signals] {
    while (true) {
      int signal = 0;
      if (sigwait(&signals, &signal) != 0) continue;
      if (!Trigger()) std::_Exit(static_cast<int>(ExitCode::kInterrupted));
    }
  }).detach();
}

bool Interrupt::Trigger() {
  absl::MutexLock lock(&mutex_);
  requested_ = true;
  if (cancel_ != nullptr) cancel_();
  return cancel_ != nullptr || waiting_ > 0;
}

bool Interrupt::requested() const {
  absl::MutexLock lock(&mutex_);
  return requested_;
}

void Interrupt::Clear() {
  absl::MutexLock lock(&mutex_);
  requested_ = false;
}

bool Interrupt::WaitFor(absl::Duration span) {
  absl::MutexLock lock(&mutex_);
  ++waiting_;
  mutex_.AwaitWithTimeout(absl::Condition(&requested_), span);
  --waiting_;
  return requested_;
}

}  // namespace pintle

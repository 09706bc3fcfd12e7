// SPDX-License-Identifier: Apache-2.0
#include "contract/clock.h"

#include <chrono>

#include "absl/time/clock.h"
#include "contract/check.h"

namespace pintle {

absl::Duration SystemClock::Monotonic() const {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

absl::Time SystemClock::Wall() const { return absl::Now(); }

absl::Duration ManualClock::Monotonic() const {
  absl::MutexLock lock(&mutex_);
  return monotonic_;
}

absl::Time ManualClock::Wall() const {
  absl::MutexLock lock(&mutex_);
  return wall_;
}

void ManualClock::Advance(absl::Duration step) {
  PINTLE_CHECK(step >= absl::ZeroDuration(), "a monotonic clock never goes back");
  absl::MutexLock lock(&mutex_);
  monotonic_ += step;
  wall_ += step;
}

}  // namespace pintle

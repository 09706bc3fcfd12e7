// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CLOCK_H_
#define PINTLE_CONTRACT_CLOCK_H_

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace pintle {

// Both clocks of a process as an argument, so that tests own time.
// Thread: safe from any thread. Never fails.
class Clock {
 public:
  virtual ~Clock() = default;
  // Never goes back and does not follow wall-clock jumps: for leases, timeouts and latencies.
  // Its zero is arbitrary, so it never leaves the process.
  virtual absl::Duration Monotonic() const = 0;
  // Wall time, only for what reaches disk, logs or a client.
  virtual absl::Time Wall() const = 0;
};

// The machine's clocks.
class SystemClock final : public Clock {
 public:
  absl::Duration Monotonic() const override;
  absl::Time Wall() const override;
};

// A clock that stands still until Advance moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(absl::Time wall = absl::FromUnixSeconds(1700000000)) : wall_(wall) {}

  absl::Duration Monotonic() const override;
  absl::Time Wall() const override;
  // Requires: step >= 0.
  void Advance(absl::Duration step);

 private:
  // Guards the two readings, which always move together.
  mutable absl::Mutex mutex_;
  absl::Duration monotonic_ ABSL_GUARDED_BY(mutex_) = absl::Seconds(1);
  absl::Time wall_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CLOCK_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_RATE_METER_H_
#define PINTLE_WORKER_ENGINE_RATE_METER_H_

#include <cstdint>

#include "absl/time/time.h"

namespace pintle {

// Tokens per second, smoothed exponentially over measured time: what happened one time constant
// ago weighs 1/e of what happens now, however steps are cut.
// Thread: confined to one. Never fails.
class RateMeter {
 public:
  explicit RateMeter(absl::Duration time_constant = absl::Seconds(5))
      : time_constant_(time_constant) {}

  // Tokens made within `time`; no time passed means nothing was measured.
  void Add(std::int64_t tokens, absl::Duration time);
  // 0 while nothing was measured.
  double tokens_per_second() const { return weight_ > 0 ? rate_ / weight_ : 0; }

 private:
  const absl::Duration time_constant_;
  double rate_ = 0;    // decayed sum of rates
  double weight_ = 0;  // decayed sum of their weights, so that the first seconds are not biased
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_RATE_METER_H_

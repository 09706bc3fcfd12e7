// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/rate_meter.h"

#include <cmath>

namespace pintle {

void RateMeter::Add(std::int64_t tokens, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  if (seconds <= 0 || tokens <= 0) return;
  const double kept = std::exp(-seconds / absl::ToDoubleSeconds(time_constant_));
  const double fresh = 1 - kept;
  rate_ = rate_ * kept + static_cast<double>(tokens) / seconds * fresh;
  weight_ = weight_ * kept + fresh;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/step_cost.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace pintle {
namespace {

constexpr std::int32_t kUnbounded = std::numeric_limits<std::int32_t>::max();
// A new figure's weight: a disturbance of the machine is forgotten after some ten steps.
constexpr double kWeight = 0.1;
// A price that proves too low makes tokens late, one too high only a prompt slower: it rises
// faster than it falls. Prices differ by the chunk: a large one shares the weights' read among
// more rows, so what it teaches is too low for the small ones that fit beside decoding.
constexpr double kRisingWeight = 0.3;
// Fewer prompt rows than these are a prompt's rest, which may hide behind the weights' read.
constexpr std::int32_t kRowsTaught = 8;
// Without a target running streams never get slower than by this factor.
constexpr double kSlowdown = 2.2;

void Learn(double& mean, double seconds, double rising_weight = kWeight) {
  const double weight = seconds > mean ? rising_weight : kWeight;
  mean = mean == 0.0 ? seconds : mean + weight * (seconds - mean);
}

}  // namespace

int StepCost::BucketOf(std::int32_t rows) {
  return std::min(kBuckets, static_cast<int>(std::bit_width(static_cast<std::uint32_t>(rows)))) - 1;
}

double StepCost::DecodeSeconds(std::int32_t rows) const {
  const int bucket = BucketOf(rows);
  for (int i = bucket; i >= 0; --i) {
    if (decode_seconds_[static_cast<std::size_t>(i)] > 0) {
      return decode_seconds_[static_cast<std::size_t>(i)];
    }
  }
  for (int i = bucket + 1; i < kBuckets; ++i) {
    if (decode_seconds_[static_cast<std::size_t>(i)] > 0) {
      return decode_seconds_[static_cast<std::size_t>(i)];
    }
  }
  return 0.0;
}

void StepCost::Observe(std::int32_t decode_rows, std::int32_t prompt_rows, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  if (seconds <= 0) return;
  if (prompt_rows == 0) {
    if (decode_rows > 0) {
      Learn(decode_seconds_[static_cast<std::size_t>(BucketOf(decode_rows))], seconds);
    }
    return;
  }
  if (prompt_rows < kRowsTaught) return;
  const double decode = decode_rows > 0 ? DecodeSeconds(decode_rows) : 0.0;
  if (seconds > decode) {
    Learn(prompt_row_seconds_, (seconds - decode) / prompt_rows, kRisingWeight);
  }
}

std::int32_t StepCost::PromptRowsWithin(std::int32_t decode_rows, absl::Duration target) const {
  if (decode_rows <= 0 || prompt_row_seconds_ <= 0) return kUnbounded;
  const double decode = DecodeSeconds(decode_rows);
  const double limit =
      target > absl::ZeroDuration() ? absl::ToDoubleSeconds(target) : kSlowdown * decode;
  if (limit <= 0) return kUnbounded;
  const double rows = std::max(0.0, limit - decode) / prompt_row_seconds_;
  return rows >= kUnbounded ? kUnbounded : static_cast<std::int32_t>(rows);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/frequency_sketch.h"

#include <algorithm>
#include <bit>

namespace pintle::kv {
namespace {

// The paper's sample size, in multiples of the capacity.
constexpr std::int64_t kSample = 10;
// Odd, one per row.
constexpr std::array<std::uint64_t, 4> kSeeds = {0x9E3779B97F4A7C15U, 0xC2B2AE3D27D4EB4FU,
                                                 0x165667B19E3779F9U, 0xD6E8FEB86659FD93U};

}  // namespace

FrequencySketch::FrequencySketch(std::int32_t capacity)
    : width_(std::bit_ceil(static_cast<std::size_t>(std::max(capacity, 16)))),
      cells_(kRows * width_, 0),
      sightings_max_(kSample * std::max(capacity, 16)) {}

std::size_t FrequencySketch::CellOf(std::size_t row, std::uint64_t content) const {
  std::uint64_t mixed = content * kSeeds[row];
  mixed ^= mixed >> 32;
  return row * width_ + (mixed & (width_ - 1));
}

void FrequencySketch::Add(std::uint64_t content) {
  const std::int32_t count = Count(content);
  if (count < kCountMax) {
    // Only the smallest counters rise: the others are too high already.
    for (std::size_t row = 0; row < kRows; ++row) {
      std::uint8_t& cell = cells_[CellOf(row, content)];
      if (cell == count) ++cell;
    }
  }
  if (++sightings_ < sightings_max_) return;
  for (std::uint8_t& cell : cells_) cell = static_cast<std::uint8_t>(cell / 2);
  sightings_ /= 2;
}

std::int32_t FrequencySketch::Count(std::uint64_t content) const {
  std::int32_t count = kCountMax;
  for (std::size_t row = 0; row < kRows; ++row) {
    count = std::min<std::int32_t>(count, cells_[CellOf(row, content)]);
  }
  return count;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/byte_panels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

constexpr float kInt8Steps = 127.0F;
constexpr float kInt4Steps = 15.0F;
// What a group's line may leave outside at both ends. Weights are bell-shaped: their far ends are
// rare, and finer steps pay for them.
constexpr float kRanges[] = {1.0F, 0.93F, 0.86F, 0.79F};

std::uint16_t Bf16Bits(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

float ToBf16(float x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(Bf16Bits(x)) << 16);
}

// Nearest whole number for |x| < 2^22, written so that the compiler rounds several at once.
float Nearest(float x) {
  constexpr float kShift = 12582912.0F;
  return (x + kShift) - kShift;
}

void ChooseSteps(const float* x, std::int32_t n, const Int4Line& line, float* steps) {
  const float inverse = line.scale > 0 ? 1.0F / line.scale : 0.0F;
  for (std::int32_t i = 0; i < n; ++i) {
    const float place = (x[i] - line.least) * inverse;
    steps[i] = Nearest(std::min(std::max(place, 0.0F), kInt4Steps));
  }
}

// The line with the least squared error for these steps.
Int4Line Refit(const float* x, std::int32_t n, const float* steps, const Int4Line& line) {
  float q = 0.0F;
  float qq = 0.0F;
  float w = 0.0F;
  float qw = 0.0F;
  for (std::int32_t i = 0; i < n; ++i) {
    q += steps[i];
    qq += steps[i] * steps[i];
    w += x[i];
    qw += steps[i] * x[i];
  }
  const auto count = static_cast<float>(n);
  const float spread = count * qq - q * q;
  if (spread <= 0.0F) return line;
  const float scale = (count * qw - q * w) / spread;
  if (scale <= 0.0F) return line;
  return {scale, (w - scale * q) / count};
}

float SquaredError(const float* x, std::int32_t n, const Int4Line& line, const float* steps) {
  float error = 0.0F;
  for (std::int32_t i = 0; i < n; ++i) {
    const float off = line.scale * steps[i] + line.least - x[i];
    error += off * off;
  }
  return error;
}

}  // namespace

void WriteInt8Quads(const float* rows, std::int32_t k, std::uint8_t* panel) {
  for (std::int32_t first = 0; first < k; first += kGroupInputs) {
    const std::int32_t n = std::min(kGroupInputs, k - first);
    const std::int32_t padded = (n + kByteInputs - 1) / kByteInputs * kByteInputs;
    std::uint8_t* lines = panel + 2 * kPanelColumns;
    for (std::int32_t c = 0; c < kPanelColumns; ++c) {
      const float* x = rows + static_cast<std::size_t>(c) * static_cast<std::size_t>(k) + first;
      float peak = 0.0F;
      for (std::int32_t i = 0; i < n; ++i) peak = std::max(peak, std::fabs(x[i]));
      const std::uint16_t scale = Bf16Bits(peak / kInt8Steps);
      std::memcpy(panel + 2 * c, &scale, 2);
      const float inverse = peak > 0 ? 1.0F / ToBf16(peak / kInt8Steps) : 0.0F;
      for (std::int32_t i = 0; i < n; ++i) {
        // A step rounded down would lift the largest weight past the last one.
        const float step = std::clamp(Nearest(x[i] * inverse), -kInt8Steps, kInt8Steps);
        lines[i / 4 * 4 * kPanelColumns + 4 * c + i % 4] = static_cast<std::uint8_t>(step + 128.0F);
      }
    }
    panel = lines + padded * kPanelColumns;
  }
}

Int4Line FitInt4(const float* x, std::int32_t n, float* steps) {
  const auto [low, high] = std::minmax_element(x, x + n);
  const float range = *high - *low;
  Int4Line best{0.0F, ToBf16(*low)};
  float best_error = std::numeric_limits<float>::infinity();
  float trial[kGroupInputs];
  for (const float share : kRanges) {
    Int4Line line{range * share / kInt4Steps, *low + range * (1.0F - share) * 0.5F};
    ChooseSteps(x, n, line, trial);
    line = Refit(x, n, trial, line);
    line = {ToBf16(line.scale), ToBf16(line.least)};
    ChooseSteps(x, n, line, trial);
    const float error = SquaredError(x, n, line, trial);
    if (error >= best_error) continue;
    best = line;
    best_error = error;
    std::copy(trial, trial + n, steps);
  }
  // Nothing finite was found: the zeros that remain are as good as any other numbers.
  if (!std::isfinite(best_error)) std::fill(steps, steps + n, 0.0F);
  return best;
}

void WriteInt4Groups(const float* rows, std::int32_t k, std::uint8_t* panel) {
  for (std::int32_t first = 0; first < k; first += kGroupInputs) {
    const std::int32_t n = std::min(kGroupInputs, k - first);
    const std::int32_t padded = (n + kByteInputs - 1) / kByteInputs * kByteInputs;
    std::uint8_t* lines = panel + 4 * kPanelColumns;
    for (std::int32_t c = 0; c < kPanelColumns; ++c) {
      const float* column = rows + static_cast<std::size_t>(c) * static_cast<std::size_t>(k);
      float steps[kGroupInputs] = {};
      const Int4Line line = FitInt4(column + first, n, steps);
      const std::uint16_t halves[2] = {Bf16Bits(line.scale), Bf16Bits(line.least)};
      std::memcpy(panel + 2 * c, &halves[0], 2);
      std::memcpy(panel + 2 * (kPanelColumns + c), &halves[1], 2);
      for (std::int32_t i = 0; i < padded; i += kByteInputs) {
        std::uint8_t* line_at = lines + i / kByteInputs * 4 * kPanelColumns + 4 * c;
        for (std::int32_t j = 0; j < 4; ++j) {
          const auto low = static_cast<std::uint32_t>(steps[i + j]);
          const auto high = static_cast<std::uint32_t>(steps[i + j + 4]);
          line_at[j] = static_cast<std::uint8_t>(low | (high << 4U));
        }
      }
    }
    panel = lines + padded / kByteInputs * 4 * kPanelColumns;
  }
}

}  // namespace pintle::model::cpu

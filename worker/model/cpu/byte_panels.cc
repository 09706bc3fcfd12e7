// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/byte_panels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <vector>

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kColumns = kPanelColumns;
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

// `x` within [low, high]; what is not a number is `low`.
float Within(float x, float low, float high) {
  const float above = x > low ? x : low;
  return above < high ? above : high;
}

// Inputs [first, first + n) of all columns, [input][column].
void Transpose(const float* rows, std::int32_t k, std::int32_t first, std::size_t n, float* x) {
  for (std::size_t c = 0; c < kColumns; ++c) {
    const float* column = rows + c * static_cast<std::size_t>(k) + first;
    for (std::size_t i = 0; i < n; ++i) x[i * kColumns + c] = column[i];
  }
}

// Columns in groups of kGroup, whole steps of each group's largest weight, kLine inputs of a column
// side by side; `offset`, modulo 256, is what a byte says for 0.
template <std::int32_t kGroup, std::size_t kLine>
void WriteInt8(const float* rows, std::int32_t k, float offset, std::uint8_t* panel) {
  float x[kGroup * kColumns];
  for (std::int32_t first = 0; first < k; first += kGroup) {
    const auto n = static_cast<std::size_t>(std::min(kGroup, k - first));
    Transpose(rows, k, first, n, x);
    float peaks[kColumns] = {};
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        peaks[c] = std::max(peaks[c], std::fabs(x[i * kColumns + c]));
      }
    }
    float inverses[kColumns];
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::uint16_t scale = Bf16Bits(peaks[c] / kInt8Steps);
      std::memcpy(panel + 2 * c, &scale, 2);
      inverses[c] = peaks[c] > 0 ? 1.0F / ToBf16(peaks[c] / kInt8Steps) : 0.0F;
    }
    panel += 2 * kColumns;
    for (std::size_t i = 0; i < n; ++i) {
      std::uint8_t* line = panel + i / kLine * kLine * kColumns + i % kLine;
      for (std::size_t c = 0; c < kColumns; ++c) {
        // A scale rounded down would lift the largest weight past the last step.
        const float step =
            Within(Nearest(x[i * kColumns + c] * inverses[c]), -kInt8Steps, kInt8Steps);
        line[kLine * c] = static_cast<std::uint8_t>(static_cast<std::int32_t>(step + offset));
      }
    }
    panel += (n + kLine - 1) / kLine * kLine * kColumns;
  }
}

void ChooseSteps(const float* x, std::size_t n, const Int4Line* lines, float* steps) {
  float inverses[kColumns];
  float leasts[kColumns];
  for (std::size_t c = 0; c < kColumns; ++c) {
    inverses[c] = lines[c].scale > 0 ? 1.0F / lines[c].scale : 0.0F;
    leasts[c] = lines[c].least;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const float place = (x[i * kColumns + c] - leasts[c]) * inverses[c];
      steps[i * kColumns + c] = Nearest(Within(place, 0.0F, kInt4Steps));
    }
  }
}

// The lines with the least squared error for these steps; a column that has none keeps its own.
void Refit(const float* x, std::size_t n, const float* steps, Int4Line* lines) {
  float q[kColumns] = {};
  float qq[kColumns] = {};
  float w[kColumns] = {};
  float qw[kColumns] = {};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const float step = steps[i * kColumns + c];
      const float value = x[i * kColumns + c];
      q[c] += step;
      qq[c] += step * step;
      w[c] += value;
      qw[c] += step * value;
    }
  }
  const auto count = static_cast<float>(n);
  for (std::size_t c = 0; c < kColumns; ++c) {
    const float spread = count * qq[c] - q[c] * q[c];
    const float scale = spread > 0.0F ? (count * qw[c] - q[c] * w[c]) / spread : 0.0F;
    if (scale > 0.0F) lines[c] = {scale, (w[c] - scale * q[c]) / count};
    lines[c] = {ToBf16(lines[c].scale), ToBf16(lines[c].least)};
  }
}

void SquaredErrors(const float* x, std::size_t n, const Int4Line* lines, const float* steps,
                   float* errors) {
  float scales[kColumns];
  float leasts[kColumns];
  for (std::size_t c = 0; c < kColumns; ++c) {
    scales[c] = lines[c].scale;
    leasts[c] = lines[c].least;
    errors[c] = 0.0F;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const float off = scales[c] * steps[i * kColumns + c] + leasts[c] - x[i * kColumns + c];
      errors[c] += off * off;
    }
  }
}

}  // namespace

void SpreadInputs(float* x, std::int32_t k) {
  for (; k >= kSpreadInputs; k -= kSpreadInputs, x += kSpreadInputs) {
    for (std::int32_t half = 1; half < kSpreadInputs; half *= 2) {
      for (std::int32_t first = 0; first < kSpreadInputs; first += 2 * half) {
        for (std::int32_t i = first; i < first + half; ++i) {
          const float sum = x[i] + x[i + half];
          x[i + half] = x[i] - x[i + half];
          x[i] = sum;
        }
      }
    }
    for (std::int32_t i = 0; i < kSpreadInputs; ++i) x[i] *= kSpreadFactor;
  }
}

void WriteInt8Groups(const float* rows, std::int32_t k, std::uint8_t* panel) {
  WriteInt8<kInt8Group, 2>(rows, k, 256.0F, panel);
}

void WriteInt8Quads(const float* rows, std::int32_t k, std::uint8_t* panel) {
  std::vector<float> spread(rows, rows + kColumns * static_cast<std::size_t>(k));
  for (std::size_t c = 0; c < kColumns; ++c) {
    SpreadInputs(spread.data() + c * static_cast<std::size_t>(k), k);
  }
  WriteInt8<kQuadGroup, 4>(spread.data(), k, 128.0F, panel);
}

void FitInt4(const float* x, std::int32_t n, Int4Line* lines, float* steps) {
  const auto count = static_cast<std::size_t>(n);
  float low[kColumns];
  float high[kColumns];
  std::copy(x, x + kColumns, low);
  std::copy(x, x + kColumns, high);
  for (std::size_t i = 1; i < count; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      const float value = x[i * kColumns + c];
      low[c] = value < low[c] ? value : low[c];
      high[c] = value > high[c] ? value : high[c];
    }
  }
  float best[kColumns];
  for (std::size_t c = 0; c < kColumns; ++c) {
    lines[c] = {0.0F, ToBf16(low[c])};
    best[c] = std::numeric_limits<float>::infinity();
  }
  // Where nothing finite is found the zeros that remain are as good as any other numbers.
  std::fill(steps, steps + count * kColumns, 0.0F);
  float trial[kInt4Group * kColumns];
  for (const float share : kRanges) {
    Int4Line tried[kColumns];
    for (std::size_t c = 0; c < kColumns; ++c) {
      const float range = high[c] - low[c];
      tried[c] = {range * share / kInt4Steps, low[c] + range * (1.0F - share) * 0.5F};
    }
    ChooseSteps(x, count, tried, trial);
    Refit(x, count, trial, tried);
    ChooseSteps(x, count, tried, trial);
    float errors[kColumns];
    SquaredErrors(x, count, tried, trial, errors);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        const std::size_t at = i * kColumns + c;
        steps[at] = errors[c] < best[c] ? trial[at] : steps[at];
      }
    }
    for (std::size_t c = 0; c < kColumns; ++c) {
      lines[c] = errors[c] < best[c] ? tried[c] : lines[c];
      best[c] = errors[c] < best[c] ? errors[c] : best[c];
    }
  }
}

void WriteInt4Groups(const float* rows, std::int32_t k, std::uint8_t* panel) {
  float x[kInt4Group * kColumns];
  float steps[kInt4Group * kColumns];
  Int4Line lines[kColumns];
  for (std::int32_t first = 0; first < k; first += kInt4Group) {
    const std::int32_t n = std::min(kInt4Group, k - first);
    Transpose(rows, k, first, static_cast<std::size_t>(n), x);
    FitInt4(x, n, lines, steps);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const std::uint16_t halves[2] = {Bf16Bits(lines[c].scale), Bf16Bits(lines[c].least)};
      std::memcpy(panel + 2 * c, &halves[0], 2);
      std::memcpy(panel + 2 * (kColumns + c), &halves[1], 2);
    }
    panel += 4 * kColumns;
    const std::int32_t padded = (n + kByteInputs - 1) / kByteInputs * kByteInputs;
    const auto used = static_cast<std::size_t>(n) * kColumns;
    std::fill(steps + used, steps + static_cast<std::size_t>(padded) * kColumns, 0.0F);
    for (std::int32_t i = 0; i < padded; i += kByteInputs) {
      const float* eight = steps + static_cast<std::size_t>(i) * kColumns;
      for (std::size_t c = 0; c < kColumns; ++c) {
        for (std::size_t j = 0; j < 4; ++j) {
          // Sums of small whole numbers are exact.
          const float both = eight[j * kColumns + c] + 16.0F * eight[(j + 4) * kColumns + c];
          panel[4 * c + j] = static_cast<std::uint8_t>(static_cast<std::int32_t>(both));
        }
      }
      panel += 4 * kColumns;
    }
  }
}

}  // namespace pintle::model::cpu

// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/row_kernels.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>

#include "contract/check.h"

namespace pintle::sampling {
namespace {

constexpr std::size_t kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));
using Words = std::int32_t __attribute__((vector_size(kLanes * sizeof(std::int32_t))));

constexpr float kInfinity = std::numeric_limits<float>::infinity();

inline Lanes Load(const float* source) {
  Lanes lanes;
  std::memcpy(&lanes, source, sizeof(lanes));
  return lanes;
}

struct ChunkScan {
  float max;
  bool has_nan;
};

inline ChunkScan ScanChunk(const float* chunk) {
  Lanes best = Load(chunk);
  Words unordered = best != best;
  for (std::size_t i = kLanes; i < kChunkTokens; i += kLanes) {
    const Lanes value = Load(chunk + i);
    best = value > best ? value : best;
    unordered |= value != value;
  }
  ChunkScan scan{best[0], unordered[0] != 0};
  for (std::size_t lane = 1; lane < kLanes; ++lane) {
    scan.max = best[lane] > scan.max ? best[lane] : scan.max;
    scan.has_nan |= unordered[lane] != 0;
  }
  return scan;
}

// e^x for x <= 0. x = n ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to degree 7,
// whose remainder (5e-9) is below half a unit in the last place, times 2^n.
inline Lanes ExpOfNonPositive(Lanes x) {
  constexpr float kUnderflow = -87.0F;  // e^-87 is still a normal float, so n >= -126
  constexpr float kLog2E = 1.44269504F;
  constexpr float kLn2High = 0x1.62e4p-1F;  // 17 bits: n times it is exact
  constexpr float kLn2Low = 1.42860677e-6F;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  const Words underflows = x < kUnderflow;
  const Lanes clamped = underflows ? Lanes{} + kUnderflow : x;
  const Lanes shifted = clamped * kLog2E + kRound;
  const Lanes n = shifted - kRound;
  const Lanes r = (clamped - n * kLn2High) - n * kLn2Low;
  Lanes sum = r * (1.0F / 5040.0F) + (1.0F / 720.0F);
  sum = sum * r + (1.0F / 120.0F);
  sum = sum * r + (1.0F / 24.0F);
  sum = sum * r + (1.0F / 6.0F);
  sum = sum * r + 0.5F;
  sum = sum * r + 1.0F;
  sum = sum * r + 1.0F;
  const Words exponent = std::bit_cast<Words>(shifted) - std::bit_cast<std::int32_t>(kRound) + 127;
  const Lanes power = std::bit_cast<Lanes>(exponent << 23);
  return underflows ? Lanes{} : sum * power;
}

inline float WeighChunk(const float* chunk, float max, float scale, float floor, float* weights) {
  Lanes total{};
  for (std::size_t i = 0; i < kChunkTokens; i += kLanes) {
    const Lanes weight = ExpOfNonPositive((Load(chunk + i) - max) * scale);
    const Lanes kept = weight < floor ? Lanes{} : weight;
    std::memcpy(weights + i, &kept, sizeof(kept));
    total += kept;
  }
  return ((total[0] + total[4]) + (total[1] + total[5])) +
         ((total[2] + total[6]) + (total[3] + total[7]));
}

// The last chunk of a row, padded with tokens that cannot be drawn.
std::array<float, kChunkTokens> PaddedTail(absl::Span<const float> row, std::size_t first) {
  std::array<float, kChunkTokens> tail;
  tail.fill(-kInfinity);
  std::copy(row.begin() + static_cast<std::ptrdiff_t>(first), row.end(), tail.begin());
  return tail;
}

}  // namespace

RowScan ScanRow(absl::Span<const float> row, absl::Span<float> chunk_max) {
  PINTLE_CHECK(chunk_max.size() == ChunksOf(row.size()), "one maximum per chunk");
  const std::size_t whole = row.size() / kChunkTokens;
  RowScan result{-kInfinity, false};
  for (std::size_t c = 0; c < chunk_max.size(); ++c) {
    const std::size_t first = c * kChunkTokens;
    const ChunkScan scan =
        c < whole ? ScanChunk(row.data() + first) : ScanChunk(PaddedTail(row, first).data());
    chunk_max[c] = scan.max;
    result.max = scan.max > result.max ? scan.max : result.max;
    result.has_nan |= scan.has_nan;
  }
  return result;
}

double WeighRow(absl::Span<const float> row, float max, float scale, float floor,
                absl::Span<float> weights, absl::Span<float> chunk_sum) {
  PINTLE_CHECK(weights.size() == row.size(), "one weight per token");
  PINTLE_CHECK(chunk_sum.size() == ChunksOf(row.size()), "one sum per chunk");
  const std::size_t whole = row.size() / kChunkTokens;
  double total = 0.0;
  for (std::size_t c = 0; c < whole; ++c) {
    const std::size_t first = c * kChunkTokens;
    chunk_sum[c] = WeighChunk(row.data() + first, max, scale, floor, weights.data() + first);
    total += chunk_sum[c];
  }
  if (whole < chunk_sum.size()) {
    const std::size_t first = whole * kChunkTokens;
    std::array<float, kChunkTokens> out;
    chunk_sum[whole] = WeighChunk(PaddedTail(row, first).data(), max, scale, floor, out.data());
    std::copy_n(out.begin(), row.size() - first, weights.data() + first);
    total += chunk_sum[whole];
  }
  return total;
}

}  // namespace pintle::sampling

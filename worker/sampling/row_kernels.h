// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_ROW_KERNELS_H_
#define PINTLE_WORKER_SAMPLING_ROW_KERNELS_H_

#include <cstddef>

#include "absl/types/span.h"

// The loops over a whole vocabulary, written in lanes of eight so that they run at the speed of
// memory. They work in chunks and leave one number per chunk behind: with those, later stages look
// only at the few chunks that matter.
// Thread: pure functions. They never fail.
namespace pintle::sampling {

// 64 floats are four cache lines; a vocabulary of 151,936 has 2,374 chunks.
inline constexpr std::size_t kChunkTokens = 64;

inline constexpr std::size_t ChunksOf(std::size_t tokens) {
  return (tokens + kChunkTokens - 1) / kChunkTokens;
}

struct RowScan {
  float max = 0.0F;  // meaningless if has_nan
  bool has_nan = false;
};

// The maximum of the row and of each chunk. Requires: chunk_max.size() == ChunksOf(row.size()).
RowScan ScanRow(absl::Span<const float> row, absl::Span<float> chunk_max);

// weights[i] = exp((row[i] - max) * scale), or 0 where that is less than `floor` or underflows;
// the sum of each chunk goes to chunk_sum and the sum of all is returned. The maximum weighs
// exactly 1. Relative error of a weight <= 3e-7 plus that of the rounded exponent.
// Requires: no NaN in the row; max is its finite maximum; scale > 0; sizes as in ScanRow.
double WeighRow(absl::Span<const float> row, float max, float scale, float floor,
                absl::Span<float> weights, absl::Span<float> chunk_sum);

}  // namespace pintle::sampling

#endif  // PINTLE_WORKER_SAMPLING_ROW_KERNELS_H_

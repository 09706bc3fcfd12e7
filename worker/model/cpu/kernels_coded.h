// SPDX-License-Identifier: Apache-2.0
// Tiles over coded bf16 panels: weights become bf16 again in registers, in the order of the
// plain panels' sums, so that both give the same bits. Included by kernels_generic.h.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_CODED_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_CODED_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_tile.h"

namespace pintle::model::cpu {
namespace {

// What Product::panels points to instead of an element.
struct Coded;

// A panel, its table in a register's every lane.
struct CodedPanel {
  const std::uint8_t* groups;
  const std::uint8_t* high_bytes;
  const std::int32_t* exceptions;
  const Bf16* exception_weights;
};

PINTLE_SIMD CodedPanel CodedPanelAt(const Product& p, std::int32_t panel) {
  const std::size_t bytes = static_cast<std::size_t>(p.k / kCodedInputs) * kCodedBytes;
  const std::int32_t first = p.coded.first[panel];
  return {static_cast<const std::uint8_t*>(p.panels) + static_cast<std::size_t>(panel) * bytes,
          p.coded.high_bytes + static_cast<std::size_t>(panel) * 16,
          // Each panel's numbers are followed by one that is none.
          p.coded.groups + first + panel,
          p.coded.weights + static_cast<std::size_t>(first) * kCodedWeights};
}

// The next four inputs of a row times decoded weights w[pair][vector].
template <int kRows>
PINTLE_SIMD void CodedStep(Floats (&sums)[kRows][2], const RowFours<kRows, float>& rows,
                           const Ints (&w)[2][2]) {
#pragma GCC unroll 2
  for (int p = 0; p < 2; ++p) {
    const Floats low0 = Simd::LowBf16(w[p][0]);
    const Floats high0 = Simd::HighBf16(w[p][0]);
    const Floats low1 = Simd::LowBf16(w[p][1]);
    const Floats high1 = Simd::HighBf16(w[p][1]);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const float* pair = rows.At(r, 2 * p);
      const Floats x = Simd::Set(pair[0]);
      sums[r][0] = Simd::Fma(low0, x, sums[r][0]);
      sums[r][1] = Simd::Fma(low1, x, sums[r][1]);
      const Floats y = Simd::Set(pair[1]);
      sums[r][0] = Simd::Fma(high0, y, sums[r][0]);
      sums[r][1] = Simd::Fma(high1, y, sums[r][1]);
    }
  }
}

#ifdef __AVX512BF16__
template <int kRows>
PINTLE_SIMD void CodedStep(Floats (&sums)[kRows][2], const RowFours<kRows, Bf16>& rows,
                           const Ints (&w)[2][2]) {
#pragma GCC unroll 2
  for (int p = 0; p < 2; ++p) {
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int pair;
      __builtin_memcpy(&pair, rows.At(r, 2 * p), sizeof(pair));
      sums[r][0] = Simd::Dot(sums[r][0], w[p][0], pair);
      sums[r][1] = Simd::Dot(sums[r][1], w[p][1], pair);
    }
  }
}
#endif

// A group that no code stands for, as it was.
PINTLE_SIMD void LoadGroup(const Bf16* weights, int first_column, Ints (&w)[2][2]) {
#pragma GCC unroll 2
  for (int p = 0; p < 2; ++p) {
    const Bf16* pairs = weights + 2 * p * kPanelColumns + 2 * first_column;
    w[p][0] = Simd::LoadWords(pairs);
    w[p][1] = Simd::LoadWords(pairs + 2 * kWidth);
  }
}

template <int kRows, typename A>
void Tile(const A* a, std::size_t stride, const CodedPanel& panel, std::int32_t k, float* out,
          const Fetch& fetch) {
  const Ints table = Simd::LoadTable(panel.high_bytes);
  const std::int32_t count = k / kCodedInputs;
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats sums[kRows][2];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      sums[r][0] = Simd::Zero();
      sums[r][1] = Simd::Zero();
    }
    const std::int32_t* exception = panel.exceptions;
    const Bf16* exception_weights = panel.exception_weights;
    const std::uint8_t* group = panel.groups;
    auto rows = RowFours<kRows, A>::Of(a, stride);
    const char* ahead =
        fetch.stream ? reinterpret_cast<const char*>(group) + kFetchAhead : fetch.at;
    const std::size_t ahead_step = fetch.stream ? kCodedBytes : fetch.step;
    Ints w[2][2];
    for (std::int32_t g = 0; g < count; ++g) {
      const std::int32_t end = *exception < count ? *exception : count;
      for (; g < end; ++g) {
        __builtin_prefetch(ahead, 0, kRows <= kStreamRows ? 3 : 2);
        __builtin_prefetch(ahead + 64, 0, kRows <= kStreamRows ? 3 : 2);
        __builtin_prefetch(ahead + 128, 0, kRows <= kStreamRows ? 3 : 2);
        ahead += ahead_step;
        Simd::DecodeGroup(group, pass, table, w);
        CodedStep<kRows>(sums, rows, w);
        group += kCodedBytes;
        rows.Advance(kCodedInputs);
      }
      if (g == count) break;
      LoadGroup(exception_weights, pass, w);
      CodedStep<kRows>(sums, rows, w);
      ++exception;
      exception_weights += kCodedWeights;
      group += kCodedBytes;
      rows.Advance(kCodedInputs);
      ahead += ahead_step;
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* row = out + r * kPanelColumns + pass;
      Simd::Store(row, sums[r][0]);
      Simd::Store(row + kWidth, sums[r][1]);
    }
  }
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_CODED_H_

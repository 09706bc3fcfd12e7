// SPDX-License-Identifier: Apache-2.0
// The softmax of one row of scores, chunk by chunk, over `Simd`, which the including translation
// unit has defined for its instruction set. Internal linkage throughout.
//
// Probabilities are relative to a reference that need not be the largest score: the largest of the
// first block a row sees, raised only when a later score is kHeadroom times as probable. Floats and
// bf16 are as exact at 2^60 as at 1, what is 2^126 times less than the reference is nothing
// anyhow, and the division by the total takes the reference out again. So a chunk is read once
// and its sums are hardly ever rescaled (FlashAttention-4 waits so, for 2^8).
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_SOFTMAX_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_SOFTMAX_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_tile.h"

namespace pintle::model::cpu {
namespace {

// Scores are kept in powers of two: the queries' scale brings the factor, and an exponent costs
// a rounding less.
constexpr float kLog2E = 1.44269504F;
// 2^60: times a split's positions and any value that makes sense it stays far below 2^127.
constexpr float kHeadroom = 1152921504606846976.0F;

// 2^x for x < 128; 0 for what is below 2^-126 or a number that small, NaN for NaN. The
// polynomials of the fraction are the best of their degree on [0, 1] in relative error (Remez):
// 3 ulp for floats, a fiftieth of bf16's rounding for bf16.
template <typename P>
PINTLE_SIMD Floats Exp2(Floats x) {
  Floats whole;
  const Floats r = Simd::Fraction(x, whole);
  Floats p;
  if constexpr (sizeof(P) == sizeof(Bf16)) {
    p = Simd::Fma(Simd::Set(7.80245226644311e-2F), r, Simd::Set(0.22606715539313177F));
    p = Simd::Fma(p, r, Simd::Set(0.6958335405064473F));
    p = Simd::Fma(p, r, Simd::Set(0.9999252185640101F));
  } else {
    p = Simd::Fma(Simd::Set(1.877576673382267e-3F), r, Simd::Set(8.98934009468149e-3F));
    p = Simd::Fma(p, r, Simd::Set(5.582631805006131e-2F));
    p = Simd::Fma(p, r, Simd::Set(0.24015361704532862F));
    p = Simd::Fma(p, r, Simd::Set(0.6931530732000761F));
    p = Simd::Fma(p, r, Simd::Set(0.9999999250635297F));
  }
  return Simd::Scale(p, whole);
}

PINTLE_SIMD float Exp2Of(float x) {
  alignas(64) float lanes[kWidth];
  Simd::Store(lanes, Exp2<float>(Simd::Set(x)));
  return lanes[0];
}

PINTLE_SIMD void ScaleRow(float* row, std::int32_t n, float factor) {
  for (std::int32_t i = 0; i < n; i += kWidth) {
    Simd::Store(row + i, Simd::Mul(Simd::Load(row + i), Simd::Set(factor)));
  }
}

// Stores probabilities and adds them to the total as they were stored, for it is that what values
// are multiplied with: roundings then cancel in the mean.
PINTLE_SIMD void StoreProbabilities(float* at, Floats a, Floats b, Floats& total) {
  Simd::Store(at, a);
  Simd::Store(at + kWidth, b);
  total = Simd::Add(total, Simd::Add(a, b));
}
#ifdef __AVX512BF16__
PINTLE_SIMD void StoreProbabilities(Bf16* at, Floats a, Floats b, Floats& total) {
  total = Simd::StoreBf16AndSum(at, a, b, total);
}
#endif

// Where one row's softmax over the chunks up to now is.
struct RowSoftmax {
  float* reference;  // minus infinity before the first score
  float* lanes;      // kSoftmaxLanes parts of the total
  float* sums;       // of the values
  std::int32_t sums_size;
};

// Which of a chunk's columns a row may see: [low, high), perhaps empty.
struct Visible {
  std::int32_t low;
  std::int32_t high;
};

template <typename P>
PINTLE_SIMD Floats Exponentials(const float* scores, P* probabilities, std::int32_t columns,
                                float reference, Floats total) {
  const Floats zero = Simd::Set(reference);
  for (std::int32_t c = 0; c < columns; c += 2 * kWidth) {
    const Floats a = Exp2<P>(Simd::Sub(Simd::Load(scores + c), zero));
    const Floats b = Exp2<P>(Simd::Sub(Simd::Load(scores + c + kWidth), zero));
    StoreProbabilities(probabilities + c, a, b, total);
  }
  return total;
}

// The largest of some scores.
PINTLE_SIMD float PeakOf(const float* scores, std::int32_t columns) {
  Floats peaks = Simd::Load(scores);
  for (std::int32_t c = kWidth; c < columns; c += kWidth) {
    peaks = Simd::Max(peaks, Simd::Load(scores + c));
  }
  return Simd::Peak(peaks);
}

// A chunk's largest score becomes the reference. Out of line, for it is rare.
__attribute__((noinline)) void RaiseReference(const RowSoftmax& row, float peak) {
  if (!(peak > *row.reference)) return;  // not a number: nothing helps
  const float shrink = Exp2Of(*row.reference - peak);
  ScaleRow(row.lanes, kSoftmaxLanes, shrink);
  ScaleRow(row.sums, row.sums_size, shrink);
  *row.reference = peak;
}

PINTLE_SIMD void HideColumns(float* scores, std::int32_t columns, Visible visible, float hidden) {
  if (visible.low <= 0 && visible.high >= columns) return;
  const Floats low = Simd::Set(static_cast<float>(visible.low));
  const Floats high = Simd::Set(static_cast<float>(visible.high));
  for (std::int32_t c = 0; c < columns; c += kWidth) {
    if (c >= visible.low && c + kWidth <= visible.high) continue;
    const Floats x = Simd::Load(scores + c);
    Simd::Store(scores + c, Simd::Within(Simd::Columns(c), low, high, x, Simd::Set(hidden)));
  }
}

// The first `columns` scores of one row become probabilities, 0 where the row may not look.
template <typename P>
PINTLE_SIMD void Soften(const RowSoftmax& row, float* scores, P* probabilities,
                        std::int32_t columns, Visible visible) {
  std::int32_t live = 0;
  if (visible.high > 0 && visible.low < columns) {
    live = (visible.high + kBlockTokens - 1) / kBlockTokens * kBlockTokens;
    if (live > columns) live = columns;
    HideColumns(scores, live, visible, kNegativeInfinity);
    if (*row.reference == kNegativeInfinity) {
      const std::int32_t first = visible.low > 0 ? visible.low / kBlockTokens * kBlockTokens : 0;
      *row.reference = PeakOf(scores + first, kBlockTokens);
    }
    // A total per lane and one lane for each column of a vector: no sum across lanes until the end.
    Floats total =
        Exponentials(scores, probabilities, live, *row.reference, Simd::Load(row.lanes));
    if (!Simd::AllBelow(total, Simd::Set(kHeadroom))) {
      RaiseReference(row, PeakOf(scores, live));
      total = Exponentials(scores, probabilities, live, *row.reference, Simd::Load(row.lanes));
    }
    Simd::Store(row.lanes, total);
  }
  for (std::int32_t c = live; c < columns; ++c) probabilities[c] = 0;
}

PINTLE_SIMD void ClearFloats(float* at, std::int32_t n) {
  for (std::int32_t i = 0; i < n; i += kWidth) Simd::Store(at + i, Simd::Zero());
}

PINTLE_SIMD float TotalOf(const float* lanes) {
  Floats total = Simd::Load(lanes);
  for (std::int32_t i = kWidth; i < kSoftmaxLanes; i += kWidth) {
    total = Simd::Add(total, Simd::Load(lanes + i));
  }
  return Simd::Sum(total);
}

// Adds the softmax of later positions to that of those before.
PINTLE_SIMD void Merge(float& reference, float& total, float* sums, float later_reference,
                       float later_total, const float* later, std::int32_t n) {
  if (later_reference == kNegativeInfinity) return;
  const float top = later_reference > reference ? later_reference : reference;
  const float keep = reference == kNegativeInfinity ? 0.0F : Exp2Of(reference - top);
  const float take = Exp2Of(later_reference - top);
  total = total * keep + later_total * take;
  for (std::int32_t i = 0; i < n; i += kWidth) {
    const Floats kept = Simd::Mul(Simd::Load(sums + i), Simd::Set(keep));
    Simd::Store(sums + i, Simd::Fma(Simd::Load(later + i), Simd::Set(take), kept));
  }
  reference = top;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_SOFTMAX_H_

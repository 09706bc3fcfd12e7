// SPDX-License-Identifier: Apache-2.0
// Rows of bf16 whose large elements lose little, over `Simd`, which the including translation unit
// has defined for its instruction set. Internal linkage throughout.
//
// A rounding's error is in proportion to the element, and in a normalized row a few elements are
// ten times as large as the rest: most of the error of its products is theirs. A factor for the
// whole row moves every element to another place between its two neighbours in bf16; of sixteen
// factors that one is taken with which the large elements lose least, and the sums are divided by
// it. It depends on nothing but the row.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_ROUNDING_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_ROUNDING_H_

#include "worker/model/cpu/kernels_tile.h"

namespace pintle::model::cpu {
namespace {

#ifdef __AVX512BF16__

// The factor in [1, 2) with which these numbers lose least.
PINTLE_SIMD float BestFactor(const float (&large)[2 * kWidth]) {
  const Floats factors =
      Simd::Fma(Simd::Columns(0), Simd::Set(1.0F / kWidth), Simd::Set(1.0F));
  Floats losses[2] = {Simd::Zero(), Simd::Zero()};
#pragma GCC unroll 8
  for (int i = 0; i < 2 * kWidth; ++i) {
    const Floats loss = Simd::LossOfBf16(Simd::Mul(Simd::Set(large[i]), factors));
    losses[i % 2] = Simd::Fma(loss, loss, losses[i % 2]);
  }
  const Floats sums =
      Simd::Div(Simd::Add(losses[0], losses[1]), Simd::Mul(factors, factors));
  const float least = -Simd::Peak(Simd::Sub(Simd::Zero(), sums));
  return 1.0F + static_cast<float>(Simd::FirstEqual(sums, Simd::Set(least))) / kWidth;
}

// x * inverse * weight, times a factor of its own; one over the factor follows it.
PINTLE_SIMD void NormalizeFactored(const float* x, const float* weight, float inverse,
                                   std::int32_t n, Bf16* out) {
  // The largest of every 32nd elements are as good as the 32 largest.
  Floats peaks[2] = {Simd::Zero(), Simd::Zero()};
  std::int32_t i = 0;
  for (; i + 2 * kWidth <= n; i += 2 * kWidth) {
#pragma GCC unroll 2
    for (int s = 0; s < 2; ++s) {
      const std::int32_t at = i + s * kWidth;
      const Floats y = Simd::Mul(Simd::Load(x + at), Simd::Load(weight + at));
      peaks[s] = Simd::Max(peaks[s], Simd::Abs(y));
    }
  }
  alignas(64) float large[2 * kWidth];
  for (int s = 0; s < 2; ++s) {
    Simd::Store(large + s * kWidth, Simd::Mul(peaks[s], Simd::Set(inverse)));
  }
  const float factor = BestFactor(large);
  const Floats scale = Simd::Set(inverse * factor);
  for (i = 0; i + kWidth <= n; i += kWidth) {
    const Floats scaled = Simd::Mul(Simd::Load(x + i), scale);
    Simd::StoreBf16(out + i, Simd::Mul(scaled, Simd::Load(weight + i)));
  }
  for (; i < n; ++i) out[i] = Narrow(x[i] * inverse * factor * weight[i]);
  const float back = 1.0F / factor;
  __builtin_memcpy(out + n, &back, sizeof(back));
}

#endif  // __AVX512BF16__

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_ROUNDING_H_

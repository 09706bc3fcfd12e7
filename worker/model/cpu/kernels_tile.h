// SPDX-License-Identifier: Apache-2.0
// The inner loops over `Simd`, which the including translation unit has defined for its
// instruction set; linear layers and attention share them. Internal linkage throughout.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_TILE_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_TILE_H_

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

using Bf16 = std::uint16_t;
using Int8 = std::int8_t;
using Int16 = std::int16_t;
using Floats = Simd::Floats;
using Ints = Simd::Ints;

constexpr int kWidth = Simd::kWidth;
// Two vectors of sums per row; a panel takes one pass of 16-wide or two of 8-wide vectors.
constexpr int kPassColumns = 2 * kWidth;
constexpr float kNegativeInfinity = -__builtin_inff();

PINTLE_SIMD float Widen(Bf16 x) {
  const std::uint32_t bits = static_cast<std::uint32_t>(x) << 16;
  return __builtin_bit_cast(float, bits);
}

PINTLE_SIMD Bf16 Narrow(float x) {
  const auto bits = __builtin_bit_cast(std::uint32_t, x);
  if (x != x) return 0x7fc0;
  return static_cast<Bf16>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

PINTLE_SIMD void Put(float* p, float x) { *p = x; }
PINTLE_SIMD void Put(Bf16* p, float x) { *p = Narrow(x); }

PINTLE_SIMD void StoreVector(float* p, Floats x) { Simd::Store(p, x); }
PINTLE_SIMD void StoreVector(Bf16* p, Floats x) { Simd::StoreBf16(p, x); }

// e^x to 2 ulp for x in [-87, 88]; below it the smallest normal number, NaN for NaN.
PINTLE_SIMD Floats Exp(Floats x) {
  x = Simd::Max(Simd::Set(-87.0F), Simd::Min(Simd::Set(88.0F), x));
  const Floats n = Simd::Round(Simd::Mul(x, Simd::Set(1.44269504F)));
  Floats r = Simd::Fma(n, Simd::Set(-0.693359375F), x);
  r = Simd::Fma(n, Simd::Set(2.12194440e-4F), r);
  Floats p = Simd::Set(1.9875691500e-4F);
  p = Simd::Fma(p, r, Simd::Set(1.3981999507e-3F));
  p = Simd::Fma(p, r, Simd::Set(8.3334519073e-3F));
  p = Simd::Fma(p, r, Simd::Set(4.1665795894e-2F));
  p = Simd::Fma(p, r, Simd::Set(1.6666665459e-1F));
  p = Simd::Fma(p, r, Simd::Set(5.0000001201e-1F));
  p = Simd::Fma(p, Simd::Mul(r, r), Simd::Add(r, Simd::Set(1.0F)));
  return Simd::Scale(p, n);
}

// The four bytes at `p`, in all lanes.
PINTLE_SIMD Ints FourBytesAt(const void* p) {
  int four;
  __builtin_memcpy(&four, p, sizeof(four));
  return Simd::SetInt(four);
}

// Rows by four, each four by its first: what an address can say of the others costs no register.
// The compiler must not see that they are one, or it keeps an address for every row, in memory.
template <int kRows, typename Value>
struct RowFours {
  PINTLE_SIMD RowFours Of(const Value* a, std::size_t stride) {
    RowFours fours;
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) {
      fours.at[i] = a + static_cast<std::size_t>(4 * i) * stride;
      asm("" : "+r"(fours.at[i]));
    }
    fours.stride = stride;
    return fours;
  }
  // Input i of row r, from where the rows have advanced to.
  __attribute__((always_inline)) const Value* At(int r, std::int32_t i) const {
    return at[r / 4] + static_cast<std::size_t>(r % 4) * stride + i;
  }
  __attribute__((always_inline)) void Advance(std::int32_t n) {
#pragma GCC unroll 4
    for (int i = 0; i < kCount; ++i) at[i] += n;
  }

  static constexpr int kCount = (kRows + 3) / 4;
  const Value* at[kCount];
  std::size_t stride;
};

// --- out[kRows][32] (+)= a[kRows][k] x one panel -------------------------------------------------

template <int kRows>
PINTLE_SIMD void Step(Floats (&sums)[kRows][2], const float* a, std::size_t stride,
                      const float* panel, std::int32_t i) {
  const Floats w0 = Simd::Load(panel + static_cast<std::size_t>(i) * kPanelColumns);
  const Floats w1 = Simd::Load(panel + static_cast<std::size_t>(i) * kPanelColumns + kWidth);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const Floats x = Simd::Set(a[static_cast<std::size_t>(r) * stride + i]);
    sums[r][0] = Simd::Fma(w0, x, sums[r][0]);
    sums[r][1] = Simd::Fma(w1, x, sums[r][1]);
  }
}

template <int kRows>
PINTLE_SIMD void Step(Floats (&sums)[kRows][2], const float* a, std::size_t stride,
                      const Bf16* panel, std::int32_t i) {
  const Bf16* w = panel + static_cast<std::size_t>(i) * kPanelColumns;
  const Floats low0 = Simd::LowBf16(w);
  const Floats high0 = Simd::HighBf16(w);
  const Floats low1 = Simd::LowBf16(w + 2 * kWidth);
  const Floats high1 = Simd::HighBf16(w + 2 * kWidth);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    const float* pair = a + static_cast<std::size_t>(r) * stride + i;
    const Floats x = Simd::Set(pair[0]);
    sums[r][0] = Simd::Fma(low0, x, sums[r][0]);
    sums[r][1] = Simd::Fma(low1, x, sums[r][1]);
    const Floats y = Simd::Set(pair[1]);
    sums[r][0] = Simd::Fma(high0, y, sums[r][0]);
    sums[r][1] = Simd::Fma(high1, y, sums[r][1]);
  }
}

#ifdef __AVX512BF16__
template <int kRows>
PINTLE_SIMD void Step(Floats (&sums)[kRows][2], const Bf16* a, std::size_t stride,
                      const Bf16* panel, std::int32_t i) {
  const Bf16* w = panel + static_cast<std::size_t>(i) * kPanelColumns;
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    int pair;
    __builtin_memcpy(&pair, a + static_cast<std::size_t>(r) * stride + i, sizeof(pair));
    sums[r][0] = Simd::Dot(sums[r][0], w, pair);
    sums[r][1] = Simd::Dot(sums[r][1], w + 2 * kWidth, pair);
  }
}
#endif

// Exact: rows are rounded such that no sum leaves 32 bits (QuantizedMax).
template <int kRows>
PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const Int16* a, std::size_t stride,
                      const Int8* panel, std::int32_t i) {
  const Int8* w = panel + static_cast<std::size_t>(i) * kPanelColumns;
  const Ints w0 = Simd::LoadInt8(w);
  const Ints w1 = Simd::LoadInt8(w + 2 * kWidth);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    int pair;
    __builtin_memcpy(&pair, a + static_cast<std::size_t>(r) * stride + i, sizeof(pair));
    const Ints x = Simd::SetInt(pair);
    sums[r][0] = Simd::DotInt16(sums[r][0], w0, x);
    sums[r][1] = Simd::DotInt16(sums[r][1], w1, x);
  }
}

// How many k one Step covers: bf16 and int8 panels hold pairs.
template <typename B>
constexpr std::int32_t kStepK = sizeof(B) == 4 ? 1 : 2;

// What a tile has fetched from memory while it computes. The processor's own prefetcher stops at
// page ends. A panel that one tile is all the use of goes as fast as weights arrive: the tile asks
// 8 KiB ahead in it, which keeps both threads' streams full. Several tiles use a panel several
// times: they share the next panel's lines evenly, so that it waits in L2. Past the last panel it
// is harmless.
struct Fetch {
  const char* at = nullptr;
  std::size_t step = 0;  // bytes per Step
  bool stream = false;   // the panel is used once: ahead in itself
};

constexpr std::size_t kFetchAhead = 8192;
// So few rows have a line used up before others push it out of L1.
constexpr int kStreamRows = 2;

// How many tiles of at most `most` rows; also, the rows of the highest of `most` tiles.
PINTLE_SIMD std::int32_t TilesOf(std::int32_t rows, std::int32_t most) {
  return (rows + most - 1) / most;
}

// Equal tiles are faster than full ones and a rest: 16 rows go as 8 + 8.
PINTLE_SIMD std::int32_t TileRows(std::int32_t rows) {
  return TilesOf(rows, TilesOf(rows, Simd::kTileRows));
}

// Rows of a block: equal blocks of at most `most` rows, in whole tiles.
PINTLE_SIMD std::int32_t BlockRows(std::int32_t rows, std::int32_t most, std::int32_t tile) {
  const std::int32_t fits = most < tile ? tile : most / tile * tile;
  if (rows <= fits) return fits;
  const std::int32_t block = TilesOf(rows, TilesOf(rows, fits));
  return TilesOf(block, tile) * tile;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_TILE_H_

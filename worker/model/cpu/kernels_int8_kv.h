// SPDX-License-Identifier: Apache-2.0
// Attention over keys and values in int8 (kernel_table.h), over `Simd`, which the including
// translation unit has defined for its instruction set. Internal linkage throughout.
//
// A position's scale is the scale of a column of its key panel, and is moved into the probability
// its value is multiplied with. Queries and probabilities are rounded to 16 bits: finer than bf16,
// and their products with bytes are exact whole numbers.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_INT8_KV_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_INT8_KV_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_generic.h"

// As PINTLE_SIMD, for explicit specializations, which take no storage class.
#define PINTLE_SIMD_SPECIAL inline __attribute__((always_inline))

namespace pintle::model::cpu {
namespace {

// --- one position --------------------------------------------------------------------------------

// Rounds one head's row to bytes at place(i); its scale goes to scales[token].
template <typename Place>
PINTLE_SIMD void StoreInt8Row(const float* x, std::int32_t dim, Int8* out, std::byte* scales,
                              std::int32_t token, const Place& place) {
  constexpr float kSteps = 127.0F;
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  float peak = 0.0F;
  float zero = 0.0F;  // NaN where anything is not finite
  for (std::int32_t i = 0; i < dim; ++i) {
    const float size = __builtin_fabsf(x[i]);
    peak = size > peak ? size : peak;
    zero += x[i] * 0.0F;
  }
  const bool finite = zero == 0.0F;
  const float inverse = finite && peak > kLeast ? kSteps / peak : 0.0F;
  const float scale = finite ? (peak > kLeast ? peak / kSteps : 0.0F) : __builtin_nanf("");
  for (std::int32_t i = 0; i < dim; ++i) {
    out[place(i)] = finite ? static_cast<Int8>(__builtin_rintf(x[i] * inverse)) : Int8{0};
  }
  __builtin_memcpy(scales + 4 * token, &scale, sizeof(scale));
}

void StoreInt8Key(const float* x, std::int32_t dim, void* panel, std::int32_t token) {
  StoreInt8Row(x, dim, static_cast<Int8*>(panel),
               static_cast<std::byte*>(panel) + dim * kBlockTokens, token,
               [token](std::int32_t i) { return (i & ~1) * kBlockTokens + 2 * token + (i & 1); });
}

void StoreInt8Value(const float* x, std::int32_t dim, void* panels, std::int32_t token) {
  const std::int32_t padded = (dim + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
  StoreInt8Row(x, dim, static_cast<Int8*>(panels),
               static_cast<std::byte*>(panels) + padded * kBlockTokens, token,
               [token](std::int32_t i) {
                 return i / kPanelColumns * kPanelColumns * kBlockTokens +
                        (token / 2) * 2 * kPanelColumns + 2 * (i % kPanelColumns) + token % 2;
               });
}

// --- queries -------------------------------------------------------------------------------------

// A query's row is head_dim whole numbers and their scale.
template <>
PINTLE_SIMD_SPECIAL void LoadQueries<Int16>(const AttentionTask& t, Int16* q) {
  const float scale = t.scale * kLog2E;
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const float* source = QueryOf(t, t.q, t.first_row + r);
    const Floats factor = Simd::Set(scale);
    QuantizeRow(
        t.head_dim, q + static_cast<std::size_t>(r) * static_cast<std::size_t>(t.head_dim + 2),
        [&](std::int32_t i) { return Simd::Mul(Simd::Load(source + i), factor); },
        [&](std::int32_t i) { return source[i] * scale; });
  }
}

// --- out[kRows][32] (+)= a[kRows][...] x panels of several segments of k --------------------

// The scale of a row of whole numbers, `size` numbers behind its begin.
PINTLE_SIMD float RowScale(const Int16* row, std::int32_t size) {
  float scale;
  __builtin_memcpy(&scale, row + size, sizeof(scale));
  return scale;
}

// kSegmented: the segments continue k, and the sum is added to `out` by the row's scale. Otherwise
// `out` is the sum by the row's scale and the columns' scales. `width` numbers make a row.
template <int kRows, bool kSegmented>
void Int8Strip(const Int16* a, std::int32_t width, const StripPanels<Int8>& p, std::int32_t panel,
               std::int32_t k, const float* columns, float* out, std::size_t out_stride) {
  const auto stride = static_cast<std::size_t>(width + 2);
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Ints sums[kRows][2];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) sums[r][0] = sums[r][1] = Simd::SetInt(0);
    const std::int32_t segments = kSegmented ? p.segments : 1;
    for (std::int32_t s = 0; s < segments; ++s) {
      const std::size_t offset =
          (kSegmented ? static_cast<std::size_t>(panel) * p.panel_step : 0) +
          static_cast<std::size_t>(pass) * kStepK<Int8>;
      const Int8* weights = p.at[kSegmented ? s : panel] + offset;
      const Int8* next = p.next[kSegmented ? s : panel] + offset;
      const Int16* left = a + static_cast<std::size_t>(s) * static_cast<std::size_t>(k);
      for (std::int32_t i = 0; i < k; i += kStepK<Int8>) {
        __builtin_prefetch(next + static_cast<std::size_t>(i) * kPanelColumns, 0, 2);
        Step<kRows>(sums, left, stride, weights, i);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Floats factor = Simd::Set(RowScale(a + static_cast<std::size_t>(r) * stride, width));
#pragma GCC unroll 2
      for (int half = 0; half < 2; ++half) {
        const int column = pass + half * kWidth;
        float* at = out + static_cast<std::size_t>(r) * out_stride + column;
        const Floats sum = Simd::IntsToFloats(sums[r][half]);
        if constexpr (kSegmented) {
          Simd::Store(at, Simd::Fma(sum, factor, Simd::Load(at)));
        } else {
          Simd::Store(at, Simd::Mul(sum, Simd::Mul(factor, Simd::Load(columns + column))));
        }
      }
    }
  }
}

template <int kRows, bool kSegmented>
PINTLE_SIMD void Int8StripOf(std::int32_t rows, const Int16* a, std::int32_t width,
                             const StripPanels<Int8>& p, std::int32_t panel, std::int32_t k,
                             const float* columns, float* out, std::size_t out_stride) {
  if (rows == kRows) {
    Int8Strip<kRows, kSegmented>(a, width, p, panel, k, columns, out, out_stride);
  } else if constexpr (kRows > 1) {
    Int8StripOf<kRows - 1, kSegmented>(rows, a, width, p, panel, k, columns, out, out_stride);
  }
}

// One panel for all rows.
template <bool kSegmented>
void Int8Strips(std::int32_t rows, const Int16* a, std::int32_t width, const StripPanels<Int8>& p,
                std::int32_t panel, std::int32_t k, const float* columns, float* out,
                std::size_t out_stride) {
  const std::int32_t tile = TileRows(rows);
  for (std::int32_t r = 0; r < rows; r += tile) {
    const std::int32_t n = rows - r < tile ? rows - r : tile;
    Int8StripOf<Simd::kTileRows, kSegmented>(
        n, a + static_cast<std::size_t>(r) * static_cast<std::size_t>(width + 2), width, p, panel,
        k, columns, out + static_cast<std::size_t>(r) * out_stride, out_stride);
  }
}

// --- softmax -------------------------------------------------------------------------------------

// One row's probabilities, each times its value's scale, in 16 bits, their own scale behind them.
PINTLE_SIMD void RoundProbabilities(const Chunk<Int8>& chunk, const AttentionTask& t,
                                    Visible visible, float* weighted, Int16* out) {
  constexpr float kSteps = 32767.0F;  // times 127 times a chunk's positions: within 32 bits
  static_assert(32767LL * 127 * kAttentionChunk < (1LL << 31));
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  for (std::int32_t b = 0; b < chunk.blocks; ++b) {
    const auto* scales =
        reinterpret_cast<const float*>(chunk.values.at[b] + t.padded_dim * kBlockTokens);
    float* row = weighted + b * kBlockTokens;
    for (std::int32_t c = 0; c < kBlockTokens; c += kWidth) {
      Simd::Store(row + c, Simd::Mul(Simd::Load(row + c), Simd::Load(scales + c)));
    }
  }
  // What lies outside has another session's scale, perhaps NaN.
  HideColumns(weighted, chunk.columns, visible, 0.0F);
  Floats peaks = Simd::Zero();
  Floats zeros = Simd::Zero();  // NaN where anything is not finite
  for (std::int32_t c = 0; c < chunk.columns; c += kWidth) {
    const Floats x = Simd::Load(weighted + c);
    peaks = Simd::Max(peaks, x);
    zeros = Simd::Fma(x, Simd::Zero(), zeros);
  }
  const float peak = Simd::Peak(peaks);
  const float zero = Simd::Sum(zeros);
  const bool usable = zero == 0.0F && peak > kLeast;
  const float inverse = usable ? kSteps / peak : 0.0F;
  // 0, or NaN that makes the row's result NaN.
  const float scale = usable ? peak / kSteps : zero;
  for (std::int32_t c = 0; c < chunk.columns; c += kWidth) {
    const Floats x = Simd::Mul(Simd::Load(weighted + c), Simd::Set(inverse));
    Simd::StoreInt16(out + c, usable ? x : Simd::Zero());
  }
  __builtin_memcpy(out + kAttentionChunk, &scale, sizeof(scale));
}

// --- one chunk -----------------------------------------------------------------------------------

template <>
struct Products<Int16, Int8> {
  PINTLE_SIMD void Score(const AttentionTask& t, const AttentionScratch& s,
                         const Chunk<Int8>& chunk) {
    for (std::int32_t b = 0; b < chunk.blocks; ++b) {
      const auto* scales =
          reinterpret_cast<const float*>(chunk.keys.at[b] + t.head_dim * kBlockTokens);
      Int8Strips<false>(t.rows, static_cast<const Int16*>(s.q), t.head_dim, chunk.keys, b,
                        t.head_dim, scales, s.scores + b * kBlockTokens, kAttentionChunk);
    }
  }
  PINTLE_SIMD void SoftenRow(const AttentionTask& t, const AttentionScratch& s,
                             const Chunk<Int8>& chunk, const RowSoftmax& row, std::int32_t r,
                             Visible visible) {
    alignas(64) float weighted[kAttentionChunk];
    Soften(row, s.scores + r * kAttentionChunk, weighted, chunk.columns, visible);
    RoundProbabilities(chunk, t, visible, weighted,
                       static_cast<Int16*>(s.probabilities) + r * (kAttentionChunk + 2));
  }
  PINTLE_SIMD void AddValues(const AttentionTask& t, const AttentionScratch& s,
                             const Chunk<Int8>& chunk) {
    for (std::int32_t panel = 0; panel < t.padded_dim / kPanelColumns; ++panel) {
      Int8Strips<true>(t.rows, static_cast<const Int16*>(s.probabilities), kAttentionChunk,
                       chunk.values, panel, kBlockTokens, nullptr, s.sums + panel * kPanelColumns,
                       static_cast<std::size_t>(t.padded_dim));
    }
  }
};

// `table` with keys and values in int8; Out is its intermediate's type.
template <typename Out>
constexpr KernelTable WithInt8Kv(KernelTable table, const char* name) {
  table.name = name;
  table.query = Element::kInt16;
  table.kv_neighbours = kStepK<Int8>;
  table.attend = &Attend<Int16, Int8, Out>;
  table.store_key = &StoreInt8Key;
  table.store_value = &StoreInt8Value;
  return table;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_INT8_KV_H_

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
    const std::int32_t f = t.first_row + r;
    const float* source = t.q + static_cast<std::size_t>(f / t.group) * t.q_row_stride +
                          static_cast<std::size_t>(f % t.group) * t.q_head_stride;
    const Floats factor = Simd::Set(scale);
    QuantizeRow(
        t.head_dim, q + static_cast<std::size_t>(r) * static_cast<std::size_t>(t.head_dim + 2),
        [&](std::int32_t i) { return Simd::Mul(Simd::Load(source + i), factor); },
        [&](std::int32_t i) { return source[i] * scale; });
  }
}

// --- out[kRows][32] (+)= a[kRows][...] x panels of several segments of k --------------------

// kSegmented: the segments continue k, and the sum is added to `out` by the row's factor. Otherwise
// `out` is the sum by the row's factor and the columns' scales.
template <int kRows, bool kSegmented>
void Int8Strip(const Int16* a, std::size_t stride, const StripPanels<Int8>& p, std::int32_t panel,
               std::int32_t k, const float* factors, const float* columns, float* out,
               std::size_t out_stride) {
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
        if constexpr (kRows <= kFetchRows) {
          __builtin_prefetch(next + static_cast<std::size_t>(i) * kPanelColumns, 0, 2);
        }
        Step<kRows>(sums, left, stride, weights, i);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Floats factor = Simd::Set(factors[r]);
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
PINTLE_SIMD void Int8StripOf(std::int32_t rows, const Int16* a, std::size_t stride,
                             const StripPanels<Int8>& p, std::int32_t panel, std::int32_t k,
                             const float* factors, const float* columns, float* out,
                             std::size_t out_stride) {
  if (rows == kRows) {
    Int8Strip<kRows, kSegmented>(a, stride, p, panel, k, factors, columns, out, out_stride);
  } else if constexpr (kRows > 1) {
    Int8StripOf<kRows - 1, kSegmented>(rows, a, stride, p, panel, k, factors, columns, out,
                                       out_stride);
  }
}

// One panel for all rows.
template <bool kSegmented>
void Int8Strips(std::int32_t rows, const Int16* a, std::size_t stride, const StripPanels<Int8>& p,
                std::int32_t panel, std::int32_t k, const float* factors, const float* columns,
                float* out, std::size_t out_stride) {
  const std::int32_t tile = TileRows(rows);
  for (std::int32_t r = 0; r < rows; r += tile) {
    const std::int32_t n = rows - r < tile ? rows - r : tile;
    Int8StripOf<Simd::kTileRows, kSegmented>(n, a + static_cast<std::size_t>(r) * stride, stride,
                                             p, panel, k, factors + r, columns,
                                             out + static_cast<std::size_t>(r) * out_stride,
                                             out_stride);
  }
}

// --- softmax -------------------------------------------------------------------------------------

// The scales of a chunk's positions, block by block.
struct ValueScales {
  const float* at[kChunkBlocks];
};

// The probabilities of one row, each times its value's scale, in 16 bits by `factor`.
PINTLE_SIMD void RoundProbabilities(float* weighted, Int16* out, std::int32_t columns,
                                    float& factor) {
  constexpr float kSteps = 32767.0F;  // times 127 times a chunk's positions: within 32 bits
  static_assert(32767LL * 127 * kAttentionChunk < (1LL << 31));
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  Floats peaks = Simd::Zero();
  Floats zeros = Simd::Zero();  // NaN where anything is not finite
  for (int c = 0; c < columns; c += kWidth) {
    const Floats x = Simd::Load(weighted + c);
    peaks = Simd::Max(peaks, x);
    zeros = Simd::Fma(x, Simd::Zero(), zeros);
  }
  const float peak = Simd::Peak(peaks);
  const float zero = Simd::Sum(zeros);
  const bool usable = zero == 0.0F && peak > kLeast;
  const float inverse = usable ? kSteps / peak : 0.0F;
  factor = usable ? peak / kSteps : zero;  // 0, or NaN that makes the row's result NaN
  for (int c = 0; c < columns; c += kWidth) {
    const Floats x = Simd::Mul(Simd::Load(weighted + c), Simd::Set(inverse));
    Simd::StoreInt16(out + c, usable ? x : Simd::Zero());
  }
}

// As Soften, for values with scales.
PINTLE_SIMD float SoftenInt8(float* scores, Int16* probabilities, float& factor,
                             const ValueScales& scales, std::int32_t columns, std::int32_t low,
                             std::int32_t high, float& peak, float& total) {
  Floats best = Simd::Set(kNegativeInfinity);
  const Floats lowest = Simd::Set(static_cast<float>(low));
  const Floats limit = Simd::Set(static_cast<float>(high));
  for (int c = 0; c < columns; c += kWidth) {
    const Floats x = Simd::Within(Simd::Columns(c), lowest, limit, Simd::Load(scores + c),
                                  Simd::Set(kNegativeInfinity));
    Simd::Store(scores + c, x);
    best = Simd::Max(best, x);
  }
  const float chunk_peak = Simd::Peak(best);
  const float new_peak = chunk_peak > peak ? chunk_peak : peak;
  if (new_peak == kNegativeInfinity) {
    for (int c = 0; c < columns; ++c) probabilities[c] = 0;
    factor = 0.0F;
    return 1.0F;
  }
  Floats sum = Simd::Zero();
  for (int c = 0; c < columns; c += kWidth) {
    const Floats column = Simd::Columns(c);
    Floats p = Exp2(Simd::Sub(Simd::Load(scores + c), Simd::Set(new_peak)));
    p = Simd::Within(column, lowest, limit, p, Simd::Zero());
    sum = Simd::Add(sum, p);
    const Floats scale = Simd::Load(scales.at[c / kBlockTokens] + c % kBlockTokens);
    // What lies outside has another session's scale, perhaps NaN.
    p = Simd::Within(column, lowest, limit, Simd::Mul(p, scale), Simd::Zero());
    Simd::Store(scores + c, p);
  }
  RoundProbabilities(scores, probabilities, columns, factor);
  float shrink = 1.0F;
  if (new_peak != peak) shrink = peak == kNegativeInfinity ? 0.0F : Exp2Of(peak - new_peak);
  total = total * shrink + Simd::Sum(sum);
  peak = new_peak;
  return shrink;
}

// --- one chunk -----------------------------------------------------------------------------------

template <>
PINTLE_SIMD_SPECIAL void AttendChunk<Int16, Int16, Int8>(const AttentionTask& t,
                                                         const AttentionScratch& s,
                                                         std::int32_t block, std::int32_t last) {
  const std::int32_t last_block = last / kBlockTokens;
  const std::int32_t blocks =
      last_block - block + 1 < kChunkBlocks ? last_block - block + 1 : kChunkBlocks;
  StripPanels<Int8> keys;
  StripPanels<Int8> values;
  const float* key_scales[kChunkBlocks];
  ValueScales value_scales;
  for (std::int32_t b = 0; b < blocks; ++b) {
    const std::byte* at = t.pool + static_cast<std::size_t>(t.table[block + b]) * t.block_bytes;
    const std::int32_t ahead = block + kChunkBlocks + b;
    const std::byte* next = at;
    if (ahead <= last_block) {
      next = t.pool + static_cast<std::size_t>(t.table[ahead]) * t.block_bytes;
    } else if (b < t.next_blocks) {
      next = t.next_pool + static_cast<std::size_t>(t.next_table[b]) * t.block_bytes;
    }
    keys.at[b] = reinterpret_cast<const Int8*>(at);
    keys.next[b] = reinterpret_cast<const Int8*>(next);
    values.at[b] = reinterpret_cast<const Int8*>(at + t.value_offset);
    values.next[b] = reinterpret_cast<const Int8*>(next + t.value_offset);
    key_scales[b] = reinterpret_cast<const float*>(at + t.head_dim * kBlockTokens);
    value_scales.at[b] =
        reinterpret_cast<const float*>(at + t.value_offset + t.padded_dim * kBlockTokens);
  }
  const auto* q = static_cast<const Int16*>(s.q);
  const auto q_stride = static_cast<std::size_t>(t.head_dim + 2);
  float factors[kAttentionRows];
  for (std::int32_t r = 0; r < t.rows; ++r) {
    __builtin_memcpy(&factors[r], q + static_cast<std::size_t>(r) * q_stride + t.head_dim,
                     sizeof(float));
  }
  for (std::int32_t b = 0; b < blocks; ++b) {
    Int8Strips<false>(t.rows, q, q_stride, keys, b, t.head_dim, factors, key_scales[b],
                      s.scores + b * kBlockTokens, kAttentionChunk);
  }
  const std::int32_t columns = blocks * kBlockTokens;
  const std::int32_t first = block * kBlockTokens;
  auto* probabilities = static_cast<Int16*>(s.probabilities);
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const std::int32_t position = t.start + (t.first_row + r) / t.group;
    const std::int32_t low = t.window > 0 ? position - t.window + 1 - first : 0;
    const float shrink = SoftenInt8(s.scores + r * kAttentionChunk,
                                    probabilities + r * kAttentionChunk, factors[r], value_scales,
                                    columns, low, position + 1 - first, s.peaks[r], s.totals[r]);
    if (shrink != 1.0F) ScaleRow(s.sums + r * t.padded_dim, t.padded_dim, shrink);
  }
  values.panel_step = static_cast<std::size_t>(kPanelColumns) * kBlockTokens;
  values.segments = blocks;
  for (std::int32_t panel = 0; panel < t.padded_dim / kPanelColumns; ++panel) {
    Int8Strips<true>(t.rows, probabilities, kAttentionChunk, values, panel, kBlockTokens, factors,
                     nullptr, s.sums + panel * kPanelColumns,
                     static_cast<std::size_t>(t.padded_dim));
  }
}

// `table` with keys and values in int8; Out is its intermediate's type.
template <typename Out>
constexpr KernelTable WithInt8Kv(KernelTable table, const char* name) {
  table.name = name;
  table.query = Element::kInt16;
  table.attend = &Attend<Int16, Int16, Int8, Out>;
  table.store_key = &StoreInt8Key;
  table.store_value = &StoreInt8Value;
  return table;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_INT8_KV_H_

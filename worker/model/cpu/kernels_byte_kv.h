// SPDX-License-Identifier: Apache-2.0
// Attention in bytes (kernel_table.h), over `Simd`, which the including translation unit has
// defined for its instruction set. Internal linkage throughout.
//
// Queries, keys, values and probabilities are all bytes, multiplied four at a time: twice as many a
// cycle as bf16. Queries and keys are spread with a Hadamard matrix first, which leaves their
// products as they are and large elements small (Ashkboos et al. 2024, "QuaRot"). A value's scale
// is moved into its probability. Probabilities of a chunk are rounded to steps of the largest,
// except the first position's: it often has most of what a row has to give (Xiao et al. 2023,
// "Attention sinks"), others would be lost beside it, so its value is added in f32.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_BYTE_KV_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_BYTE_KV_H_

#include <cstddef>

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_bytes.h"
#include "worker/model/cpu/kernels_int8_kv.h"

namespace pintle::model::cpu {
namespace {

// --- rows ----------------------------------------------------------------------------------------

// One head's row in bytes of one scale, spread or not.
template <int kVectors, bool kSpread, typename VectorAt>
PINTLE_SIMD RoundedGroup RoundWholeHead(const VectorAt& vector_at, Int8* out) {
  Floats x[kVectors];
#pragma GCC unroll 32
  for (int v = 0; v < kVectors; ++v) x[v] = vector_at(v * kWidth);
  if constexpr (kSpread) {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; v += kSpreadInputs / kWidth) SpreadBlock(x + v);
  }
  return RoundVectors(x, out);
}

template <bool kSpread>
PINTLE_SIMD RoundedGroup RoundHead(const float* x, std::int32_t dim, float factor, Int8* out) {
  const auto vector_at = [&](std::int32_t i) {
    return Simd::Mul(Simd::Load(x + i), Simd::Set(factor));
  };
  if (dim == kSpreadInputs) {
    return RoundWholeHead<kSpreadInputs / kWidth, kSpread>(vector_at, out);
  }
  if (dim == 2 * kSpreadInputs) {
    return RoundWholeHead<2 * kSpreadInputs / kWidth, kSpread>(vector_at, out);
  }
  return RoundLastGroup<kByteHeadMax, kSpread>(0, dim, dim, out, vector_at,
                                               [&](std::int32_t i) { return x[i] * factor; });
}

void StoreByteKey(const float* x, std::int32_t dim, void* panel, std::int32_t token) {
  Int8 bytes[kByteHeadMax];
  const RoundedGroup rounded = RoundHead<true>(x, dim, 1.0F, bytes);
  auto* out = static_cast<Byte*>(panel);
  for (std::int32_t i = 0; i < dim; i += kQuad) {
    std::uint32_t four;
    __builtin_memcpy(&four, bytes + i, sizeof(four));
    four ^= 0x80808080U;
    __builtin_memcpy(out + i * kBlockTokens + kQuad * token, &four, sizeof(four));
  }
  __builtin_memcpy(out + dim * kBlockTokens + 4 * token, &rounded.scale, sizeof(rounded.scale));
}

void StoreByteValue(const float* x, std::int32_t dim, void* panels, std::int32_t token) {
  Int8 bytes[kByteHeadMax];
  const RoundedGroup rounded = RoundHead<false>(x, dim, 1.0F, bytes);
  auto* out = static_cast<Int8*>(panels);
  constexpr std::int32_t kPanelSize = kPanelColumns * kBlockTokens;
  Int8* at = out + token / kQuad * kQuad * kPanelColumns + token % kQuad;
  for (std::int32_t i = 0; i < dim; ++i) {
    at[i / kPanelColumns * kPanelSize + kQuad * (i % kPanelColumns)] = bytes[i];
  }
  const std::int32_t padded = (dim + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
  __builtin_memcpy(out + padded * kBlockTokens + 4 * token, &rounded.scale,
                   sizeof(rounded.scale));
}

// A query's row is head_dim bytes, then their QuadGroup.
PINTLE_SIMD std::size_t QueryRowBytes(const AttentionTask& t) {
  return static_cast<std::size_t>(t.head_dim) + sizeof(QuadGroup);
}

template <>
PINTLE_SIMD_SPECIAL void LoadQueries<Int8>(const AttentionTask& t, Int8* q) {
  const float scale = t.scale * kLog2E;
  for (std::int32_t r = 0; r < t.rows; ++r) {
    Int8* row = q + static_cast<std::size_t>(r) * QueryRowBytes(t);
    RoundedGroup rounded =
        RoundHead<true>(QueryOf(t, t.q, t.first_row + r), t.head_dim, scale, row);
    // Of zeros: a hidden score is minus infinity, which times 0 would be NaN.
    if (rounded.scale == 0.0F) rounded.scale = 1.0F;
    PutGroup(rounded, reinterpret_cast<char*>(row) + t.head_dim,
             static_cast<const QuadGroup*>(nullptr));
  }
}

// A row of probabilities is a chunk of bytes, then their scale; rows begin at whole quads.
constexpr std::size_t kProbabilityRow = kAttentionChunk + 16;

// What all rows of a task need to know of a chunk; lies behind their probabilities.
struct ByteChunk {
  float scales[kAttentionChunk];  // of the values; 0 behind the last row's own position
  float first[kByteHeadMax];      // position 0's value
  bool finite;                    // all scales
};
static_assert(kAttentionRows * kProbabilityRow % 64 == 0 &&
              kAttentionRows * kProbabilityRow + sizeof(ByteChunk) <=
                  sizeof(float) * kAttentionRows * kAttentionChunk);

PINTLE_SIMD Byte* ProbabilitiesOf(const AttentionScratch& s, std::int32_t r) {
  return static_cast<Byte*>(s.probabilities) + static_cast<std::size_t>(r) * kProbabilityRow;
}

PINTLE_SIMD ByteChunk& ByteChunkOf(const AttentionScratch& s) {
  return *reinterpret_cast<ByteChunk*>(ProbabilitiesOf(s, kAttentionRows));
}

// --- out[kRows][kPanels * 32] (+)= a[kRows][...] x panels of several segments of k ---------------

// Rows of bytes; what is said of each, first of all its scale, lies `of_row` behind its begin.
struct FollowedRows {
  const Int8* at;
  std::size_t stride;
  std::size_t of_row;
};

template <int kRows, bool kValues>
PINTLE_SIMD Ints BeginOf(const FollowedRows& a, int r) {
  if constexpr (kValues) return Simd::SetInt(0);
  return FourBytesAt(a.at + static_cast<std::size_t>(r) * a.stride + a.of_row +
                     offsetof(QuadGroup, zero));
}

// The products of `n` inputs of all rows and panels.
template <int kRows, int kPanels, bool kValues>
PINTLE_SIMD void QuadProducts(Ints (&sums)[kPanels][kRows][2], RowFours<kRows, Int8>& rows,
                              const Byte* (&panels)[kPanels], const Byte* (&next)[kPanels],
                              std::int32_t n) {
  constexpr std::int32_t kLine = kQuad * kPanelColumns;
  for (std::int32_t i = 0; i < n; i += kQuad) {
#pragma GCC unroll 4
    for (int j = 0; j < kPanels; ++j) {
      __builtin_prefetch(next[j], 0, 2);
      if constexpr (kPassColumns == kPanelColumns) __builtin_prefetch(next[j] + 64, 0, 2);
      const Ints w0 = Simd::LoadBytes(panels[j]);
      const Ints w1 = Simd::LoadBytes(panels[j] + kQuad * kWidth);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const Ints x = FourBytesAt(rows.At(r, 0));
        // The unsigned factor comes first: keys are biased, probabilities have no sign.
        sums[j][r][0] =
            kValues ? Simd::DotBytes(sums[j][r][0], x, w0) : Simd::DotBytes(sums[j][r][0], w0, x);
        sums[j][r][1] =
            kValues ? Simd::DotBytes(sums[j][r][1], x, w1) : Simd::DotBytes(sums[j][r][1], w1, x);
      }
      panels[j] += kLine;
      next[j] += kLine;
    }
    rows.Advance(kQuad);
  }
}

// kValues: the segments continue k, panel j of segment s is at[s] + j * panel_step, and sums are
// added to `out` by the row's scale. Otherwise panel j is at[first + j], its columns' scales lie
// behind its k, and `out` is the sums by these: the softmax knows the row's.
template <int kRows, int kPanels, bool kValues>
void ByteStrip(const FollowedRows& a, const StripPanels<Byte>& p, std::int32_t first,
               std::int32_t k, float* out, std::size_t out_stride) {
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Ints sums[kPanels][kRows][2];
#pragma GCC unroll 4
    for (int j = 0; j < kPanels; ++j) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) sums[j][r][0] = sums[j][r][1] = BeginOf<kRows, kValues>(a, r);
    }
    auto rows = RowFours<kRows, Int8>::Of(a.at, a.stride);
    const std::int32_t segments = kValues ? p.segments : 1;
    for (std::int32_t s = 0; s < segments; ++s) {
      const Byte* panels[kPanels];
      const Byte* next[kPanels];
#pragma GCC unroll 4
      for (int j = 0; j < kPanels; ++j) {
        const std::size_t offset = (kValues ? static_cast<std::size_t>(first + j) * p.panel_step
                                            : std::size_t{0}) +
                                   static_cast<std::size_t>(pass) * kQuad;
        panels[j] = p.at[kValues ? s : first + j] + offset;
        next[j] = p.next[kValues ? s : first + j] + offset;
      }
      QuadProducts<kRows, kPanels, kValues>(sums, rows, panels, next, k);
    }
#pragma GCC unroll 4
    for (int j = 0; j < kPanels; ++j) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        float* at = out + static_cast<std::size_t>(r) * out_stride + j * kPanelColumns + pass;
#pragma GCC unroll 2
        for (int half = 0; half < 2; ++half) {
          const Floats sum = Simd::IntsToFloats(sums[j][r][half]);
          float* to = at + half * kWidth;
          if constexpr (kValues) {
            const Floats row = FloatAt(reinterpret_cast<const char*>(a.at) +
                                       static_cast<std::size_t>(r) * a.stride + a.of_row);
            Simd::Store(to, Simd::Fma(sum, row, Simd::Load(to)));
          } else {
            const Byte* scales = p.at[first + j] + k * kBlockTokens;
            const Floats column =
                Simd::Load(reinterpret_cast<const float*>(scales) + pass + half * kWidth);
            Simd::Store(to, Simd::Mul(sum, column));
          }
        }
      }
    }
  }
}

template <int kRows, bool kValues>
PINTLE_SIMD void ByteStripsOf(std::int32_t rows, const FollowedRows& a, const StripPanels<Byte>& p,
                              std::int32_t count, std::int32_t k, float* out,
                              std::size_t out_stride) {
  if (rows != kRows) {
    if constexpr (kRows > 1) {
      ByteStripsOf<kRows - 1, kValues>(rows, a, p, count, k, out, out_stride);
    }
    return;
  }
  // The fewer rows, the more panels at once: as many independent sums as hide the latency.
  std::int32_t j = 0;
  if constexpr (kRows * 4 <= Simd::kTileRows) {
    for (; j + 4 <= count; j += 4) {
      ByteStrip<kRows, 4, kValues>(a, p, j, k, out + j * kPanelColumns, out_stride);
    }
  }
  if constexpr (kRows * 2 <= Simd::kTileRows) {
    for (; j + 2 <= count; j += 2) {
      ByteStrip<kRows, 2, kValues>(a, p, j, k, out + j * kPanelColumns, out_stride);
    }
  }
  for (; j < count; ++j) {
    ByteStrip<kRows, 1, kValues>(a, p, j, k, out + j * kPanelColumns, out_stride);
  }
}

// All `count` panels for all rows.
template <bool kValues>
void ByteStrips(std::int32_t rows, FollowedRows a, const StripPanels<Byte>& p, std::int32_t count,
                std::int32_t k, float* out, std::size_t out_stride) {
  const std::int32_t tile = TileRows(rows);
  for (std::int32_t r = 0; r < rows; r += tile) {
    const std::int32_t n = rows - r < tile ? rows - r : tile;
    ByteStripsOf<Simd::kTileRows, kValues>(n, a, p, count, k, out, out_stride);
    a.at += static_cast<std::size_t>(n) * a.stride;
    out += static_cast<std::size_t>(n) * out_stride;
  }
}

// --- softmax -------------------------------------------------------------------------------------

// Gathers the scales of a chunk's values; where the chunk has position 0, its value instead.
PINTLE_SIMD void ReadChunk(const AttentionTask& t, const Chunk<Byte>& chunk, ByteChunk& out) {
  for (std::int32_t b = 0; b < chunk.blocks; ++b) {
    const auto* scales =
        reinterpret_cast<const float*>(chunk.values.at[b] + t.padded_dim * kBlockTokens);
    for (std::int32_t c = 0; c < kBlockTokens; c += kWidth) {
      Simd::Store(out.scales + b * kBlockTokens + c, Simd::Load(scales + c));
    }
  }
  // What was never written may have any scale, perhaps NaN.
  for (std::int32_t c = chunk.written; c < kAttentionChunk; ++c) out.scales[c] = 0.0F;
  if (chunk.first == 0) {
    for (std::int32_t i = 0; i < t.padded_dim; ++i) {
      const auto at = static_cast<std::size_t>(i / kPanelColumns) * chunk.values.panel_step +
                      static_cast<std::size_t>(kQuad * (i % kPanelColumns));
      out.first[i] = static_cast<float>(static_cast<Int8>(chunk.values.at[0][at])) * out.scales[0];
    }
    out.scales[0] = 0.0F;
  }
  Floats zeros = Simd::Zero();  // NaN where a scale is not finite
  for (std::int32_t c = 0; c < kAttentionChunk; c += kWidth) {
    zeros = Simd::Fma(Simd::Load(out.scales + c), Simd::Zero(), zeros);
  }
  out.finite = Simd::Sum(zeros) == 0.0F;
}

// Scales with those a row may not see as 0; NaN if one that it sees is not finite, else 0. Out of
// line, for it is rare.
__attribute__((noinline)) float VisibleScales(const float* scales, Visible visible, float* seen) {
  float zero = 0.0F;
  for (std::int32_t c = 0; c < kAttentionChunk; ++c) {
    seen[c] = c >= visible.low && c < visible.high ? scales[c] : 0.0F;
    zero += seen[c] * 0.0F;
    if (!(seen[c] * 0.0F == 0.0F)) seen[c] = 0.0F;
  }
  return zero;
}

constexpr int kChunkVectors = kAttentionChunk / kWidth;

// A chunk's scores, times `factor`, as probabilities times their values' scales; also the largest
// of these. Returns the total with the probabilities added.
PINTLE_SIMD Floats Weigh(const float* scores, float factor, float reference, const float* scales,
                         Floats total, Floats (&weights)[kChunkVectors], Floats& peaks) {
  const Floats times = Simd::Set(factor);
  const Floats zero = Simd::Set(-reference);
  peaks = Simd::Zero();
#pragma GCC unroll 16
  for (int v = 0; v < kChunkVectors; ++v) {
    // As exact as for bf16, which is finer than bytes.
    const Floats p = Exp2<Bf16>(Simd::Fma(Simd::Load(scores + v * kWidth), times, zero));
    total = Simd::Add(total, p);
    weights[v] = Simd::Mul(p, Simd::Load(scales + v * kWidth));
    peaks = Simd::Max(peaks, weights[v]);
  }
  return total;
}

// A chunk's weights as bytes, steps of the largest of them; their scale goes behind them.
PINTLE_SIMD void StoreWeights(const Floats (&weights)[kChunkVectors], Floats peaks, float broken,
                              Byte* out) {
  constexpr float kSteps = 255.0F;
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  const float peak = Simd::Peak(peaks);
  const bool some = peak > kLeast;
  const Floats inverse = Simd::Set(some ? kSteps / peak : 0.0F);
#pragma GCC unroll 16
  for (int v = 0; v < kChunkVectors; ++v) {
    Simd::StoreUint8(out + v * kWidth, Simd::Mul(weights[v], inverse));
  }
  const float scale = (some ? peak / kSteps : 0.0F) + broken;
  __builtin_memcpy(out + kAttentionChunk, &scale, sizeof(scale));
}

// Scores of a whole chunk that lack their row's factor become bytes; position 0's value is added
// to the row's sums here.
PINTLE_SIMD void SoftenToBytes(const RowSoftmax& row, float* scores, float factor,
                               const ByteChunk& held, bool has_first, Visible visible, Byte* out) {
  if (visible.high <= 0 || visible.low >= kAttentionChunk) {
    __builtin_memset(out, 0, kAttentionChunk + sizeof(float));
    return;
  }
  HideColumns(scores, kAttentionChunk, visible, kNegativeInfinity);
  const float* scales = held.scales;
  alignas(64) float seen[kAttentionChunk];
  float broken = 0.0F;
  if (!held.finite) {
    broken = VisibleScales(held.scales, visible, seen);
    scales = seen;
  }
  if (*row.reference == kNegativeInfinity) {
    const std::int32_t first = visible.low > 0 ? visible.low / kBlockTokens * kBlockTokens : 0;
    *row.reference = PeakOf(scores + first, kBlockTokens) * factor;
  }
  Floats weights[kChunkVectors];
  Floats peaks;
  const Floats before = Simd::Load(row.lanes);
  Floats total = Weigh(scores, factor, *row.reference, scales, before, weights, peaks);
  if (!Simd::AllBelow(total, Simd::Set(kHeadroom))) {
    RaiseReference(row, PeakOf(scores, kAttentionChunk) * factor);
    total = Weigh(scores, factor, *row.reference, scales, Simd::Load(row.lanes), weights, peaks);
  }
  Simd::Store(row.lanes, total);
  StoreWeights(weights, peaks, broken, out);
  if (!has_first || visible.low > 0) return;
  const Floats weight = Exp2<Bf16>(
      Simd::Fma(Simd::Set(scores[0]), Simd::Set(factor), Simd::Set(-*row.reference)));
  for (std::int32_t i = 0; i < row.sums_size; i += kWidth) {
    Simd::Store(row.sums + i,
                Simd::Fma(Simd::Load(held.first + i), weight, Simd::Load(row.sums + i)));
  }
}

// --- one chunk -----------------------------------------------------------------------------------

template <>
struct Products<Int8, Byte> {
  PINTLE_SIMD void Score(const AttentionTask& t, const AttentionScratch& s,
                         const Chunk<Byte>& chunk) {
    const FollowedRows rows = {static_cast<const Int8*>(s.q), QueryRowBytes(t),
                               static_cast<std::size_t>(t.head_dim)};
    ByteStrips<false>(t.rows, rows, chunk.keys, chunk.blocks, t.head_dim, s.scores,
                      kAttentionChunk);
    ReadChunk(t, chunk, ByteChunkOf(s));
  }
  PINTLE_SIMD void SoftenRow(const AttentionTask& t, const AttentionScratch& s,
                             const Chunk<Byte>& chunk, const RowSoftmax& row, std::int32_t r,
                             Visible visible) {
    const Int8* query =
        static_cast<const Int8*>(s.q) + static_cast<std::size_t>(r) * QueryRowBytes(t);
    float factor;
    __builtin_memcpy(&factor, query + t.head_dim, sizeof(factor));
    SoftenToBytes(row, s.scores + r * kAttentionChunk, factor, ByteChunkOf(s), chunk.first == 0,
                  visible, ProbabilitiesOf(s, r));
  }
  PINTLE_SIMD void AddValues(const AttentionTask& t, const AttentionScratch& s,
                             const Chunk<Byte>& chunk) {
    const FollowedRows rows = {static_cast<const Int8*>(s.probabilities), kProbabilityRow,
                               kAttentionChunk};
    ByteStrips<true>(t.rows, rows, chunk.values, t.padded_dim / kPanelColumns, kBlockTokens,
                     s.sums, static_cast<std::size_t>(t.padded_dim));
  }
};

// `table` with attention in bytes; Out is its intermediate's type.
template <typename Out>
constexpr KernelTable WithByteKv(KernelTable table, const char* name) {
  table.name = name;
  table.query = Element::kSpreadByteRow;
  table.kv_neighbours = kQuad;
  table.attend = &Attend<Int8, Byte, Out>;
  table.store_key = &StoreByteKey;
  table.store_value = &StoreByteValue;
  return table;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_BYTE_KV_H_

// SPDX-License-Identifier: Apache-2.0
// The kernels over `Simd`, which the including translation unit has defined for its instruction
// set. Included by kernels_*.cc only, hence everything here has internal linkage.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

using Bf16 = std::uint16_t;
using Floats = Simd::Floats;

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
#ifdef __AVX512F__
PINTLE_SIMD void StoreVector(Bf16* p, Floats x) { Simd::StoreBf16(p, x); }
#endif

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

// One or two rows go as fast as weights arrive from memory. The processor's own prefetcher stops at
// page ends; asking 8 KiB ahead keeps both threads' streams full. Past the last panel it is
// harmless.
template <typename B>
PINTLE_SIMD void FetchAhead(const B* weights) {
  constexpr std::size_t kAhead = 8192;
  const char* at = reinterpret_cast<const char*>(weights) + kAhead;
  __builtin_prefetch(at);
  __builtin_prefetch(at + 64);
}

// How many k one Step covers: bf16 panels hold pairs.
template <typename B>
constexpr std::int32_t kStepK = sizeof(B) == 2 ? 2 : 1;

template <int kRows, bool kAccumulate, typename A, typename B>
void Tile(const A* a, std::size_t stride, const B* panel, std::int32_t k, float* out,
          std::size_t out_stride) {
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats sums[kRows][2];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* row = out + static_cast<std::size_t>(r) * out_stride + pass;
      sums[r][0] = kAccumulate ? Simd::Load(row) : Simd::Zero();
      sums[r][1] = kAccumulate ? Simd::Load(row + kWidth) : Simd::Zero();
    }
    const B* columns = panel + pass * kStepK<B>;
    for (std::int32_t i = 0; i < k; i += kStepK<B>) {
      if constexpr (kRows <= 2 && !kAccumulate) {
        FetchAhead(columns + static_cast<std::size_t>(i) * kPanelColumns);
      }
      Step<kRows>(sums, a, stride, columns, i);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* row = out + static_cast<std::size_t>(r) * out_stride + pass;
      Simd::Store(row, sums[r][0]);
      Simd::Store(row + kWidth, sums[r][1]);
    }
  }
}

template <int kRows, bool kAccumulate, typename A, typename B>
PINTLE_SIMD void TileOf(std::int32_t rows, const A* a, std::size_t stride, const B* panel,
                        std::int32_t k, float* out, std::size_t out_stride) {
  if (rows == kRows) {
    Tile<kRows, kAccumulate>(a, stride, panel, k, out, out_stride);
  } else if constexpr (kRows > 1) {
    TileOf<kRows - 1, kAccumulate>(rows, a, stride, panel, k, out, out_stride);
  }
}

// Equal tiles are faster than full ones and a rest: 16 rows go as 8 + 8.
PINTLE_SIMD std::int32_t TileRows(std::int32_t rows) {
  const std::int32_t tiles = (rows + Simd::kTileRows - 1) / Simd::kTileRows;
  return (rows + tiles - 1) / tiles;
}

template <bool kAccumulate, typename A, typename B>
void Tiles(std::int32_t rows, const A* a, std::size_t stride, const B* panel, std::int32_t k,
           float* out, std::size_t out_stride) {
  const std::int32_t tile = TileRows(rows);
  for (std::int32_t r = 0; r < rows; r += tile) {
    const std::int32_t n = rows - r < tile ? rows - r : tile;
    TileOf<Simd::kTileRows, kAccumulate>(n, a + static_cast<std::size_t>(r) * stride, stride, panel,
                                         k, out + static_cast<std::size_t>(r) * out_stride,
                                         out_stride);
  }
}

// --- linear layers ------------------------------------------------------------------------------

PINTLE_SIMD void AddBias(float* sums, std::int32_t rows, const float* bias) {
  for (std::int32_t r = 0; r < rows; ++r) {
    for (int c = 0; c < kPanelColumns; c += kWidth) {
      float* p = sums + r * kPanelColumns + c;
      Simd::Store(p, Simd::Add(Simd::Load(p), Simd::Load(bias + c)));
    }
  }
}

template <typename A>
PINTLE_SIMD void FinishSilu(const Product& p, const float* sums, std::int32_t first,
                            std::int32_t rows, std::int32_t panel) {
  constexpr int kHalf = kPanelColumns / 2;
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* row = sums + r * kPanelColumns;
    A* out = static_cast<A*>(p.activations) +
             static_cast<std::size_t>(first + r) * p.activations_stride + panel * kHalf;
    for (int c = 0; c < kHalf; c += kWidth) {
      const Floats gate = Simd::Load(row + c);
      const Floats one = Simd::Set(1.0F);
      const Floats decay = Exp(Simd::Sub(Simd::Zero(), gate));
      const Floats silu = Simd::Div(gate, Simd::Add(one, decay));
      StoreVector(out + c, Simd::Mul(silu, Simd::Load(row + kHalf + c)));
    }
  }
}

template <bool kAdd>
PINTLE_SIMD void FinishFloats(const Product& p, const float* sums, std::int32_t first,
                              std::int32_t rows, std::int32_t panel) {
  const std::int32_t column = panel * kPanelColumns;
  const std::int32_t rest = p.columns - column;
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* row = sums + r * kPanelColumns;
    float* out = p.out + static_cast<std::size_t>(first + r) * p.out_stride + column;
    if (rest >= kPanelColumns) {
      for (int c = 0; c < kPanelColumns; c += kWidth) {
        const Floats x = Simd::Load(row + c);
        Simd::Store(out + c, kAdd ? Simd::Add(Simd::Load(out + c), x) : x);
      }
    } else {
      for (std::int32_t c = 0; c < rest; ++c) out[c] = kAdd ? out[c] + row[c] : row[c];
    }
  }
}

template <typename A, typename B>
void MultiplyRows(const Product& p, std::int32_t first, std::int32_t end, std::int32_t panel) {
  alignas(64) float sums[Simd::kTileRows * kPanelColumns];
  const B* weights = static_cast<const B*>(p.panels) + static_cast<std::size_t>(panel) *
                                                           kPanelColumns *
                                                           static_cast<std::size_t>(p.k);
  const A* a = static_cast<const A*>(p.a);
  const std::int32_t tile = TileRows(end - first);
  for (std::int32_t r = first; r < end; r += tile) {
    const std::int32_t rows = end - r < tile ? end - r : tile;
    TileOf<Simd::kTileRows, false>(rows, a + static_cast<std::size_t>(r) * p.a_stride, p.a_stride,
                                   weights, p.k, sums, kPanelColumns);
    if (p.bias != nullptr) AddBias(sums, rows, p.bias + panel * kPanelColumns);
    switch (p.epilogue) {
      case Epilogue::kStore: FinishFloats<false>(p, sums, r, rows, panel); break;
      case Epilogue::kAdd: FinishFloats<true>(p, sums, r, rows, panel); break;
      case Epilogue::kSiluMul: FinishSilu<A>(p, sums, r, rows, panel); break;
    }
  }
}

template <typename A, typename B>
void Multiply(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  // Half of a 1 MiB L2 for activations, so that they are read from memory once per matrix.
  constexpr std::size_t kActivationBytes = 512 << 10;
  const std::size_t row_bytes = static_cast<std::size_t>(p.k) * sizeof(A);
  std::int32_t block = static_cast<std::int32_t>(kActivationBytes / row_bytes);
  block = block < Simd::kTileRows ? Simd::kTileRows : block;
  for (std::int32_t first = 0; first < p.rows; first += block) {
    const std::int32_t end = p.rows - first < block ? p.rows : first + block;
    for (std::int32_t panel = panel_begin; panel < panel_end; ++panel) {
      MultiplyRows<A, B>(p, first, end, panel);
    }
  }
}

// --- attention ----------------------------------------------------------------------------------

template <typename Q>
PINTLE_SIMD void LoadQueries(const AttentionTask& t, Q* q) {
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const std::int32_t f = t.first_row + r;
    const float* source = t.q + static_cast<std::size_t>(f / t.group) * t.q_row_stride +
                          static_cast<std::size_t>(f % t.group) * t.q_head_stride;
    Q* target = q + static_cast<std::size_t>(r) * static_cast<std::size_t>(t.head_dim);
    for (std::int32_t i = 0; i < t.head_dim; ++i) Put(target + i, source[i] * t.scale);
  }
}

// Scores of one row against one block become probabilities relative to the row's peak so far;
// returns by what the sums gathered until now shrink.
template <typename Q>
PINTLE_SIMD float Soften(float* scores, Q* probabilities, std::int32_t low, std::int32_t high,
                         float& peak, float& total) {
  Floats best = Simd::Set(kNegativeInfinity);
  const Floats lowest = Simd::Set(static_cast<float>(low));
  const Floats limit = Simd::Set(static_cast<float>(high));
  for (int c = 0; c < kBlockTokens; c += kWidth) {
    const Floats masked = Simd::Within(Simd::Columns(c), lowest, limit, Simd::Load(scores + c),
                                       Simd::Set(kNegativeInfinity));
    Simd::Store(scores + c, masked);
    best = Simd::Max(best, masked);
  }
  const float block_peak = Simd::Peak(best);
  const float new_peak = block_peak > peak ? block_peak : peak;
  if (new_peak == kNegativeInfinity) {
    for (int c = 0; c < kBlockTokens; ++c) probabilities[c] = 0;
    return 1.0F;
  }
  Floats sum = Simd::Zero();
  for (int c = 0; c < kBlockTokens; c += kWidth) {
    const Floats shifted = Simd::Sub(Simd::Load(scores + c), Simd::Set(new_peak));
    const Floats p = Simd::Within(Simd::Columns(c), lowest, limit, Exp(shifted), Simd::Zero());
    StoreVector(probabilities + c, p);
    sum = Simd::Add(sum, p);
  }
  float shrink = 1.0F;
  if (new_peak != peak) {
    alignas(64) float one[kWidth];
    Simd::Store(one, Exp(Simd::Set(peak - new_peak)));
    shrink = peak == kNegativeInfinity ? 0.0F : one[0];
  }
  total = total * shrink + Simd::Sum(sum);
  peak = new_peak;
  return shrink;
}

template <typename Q, typename Kv>
PINTLE_SIMD void AttendBlock(const AttentionTask& t, const AttentionScratch& s, std::int32_t block,
                             std::int32_t last) {
  const std::byte* keys = t.pool + static_cast<std::size_t>(t.table[block]) * t.block_bytes;
  const auto dim = static_cast<std::size_t>(t.head_dim);
  const auto padded = static_cast<std::size_t>(t.padded_dim);
  Tiles<false>(t.rows, static_cast<const Q*>(s.q), dim, reinterpret_cast<const Kv*>(keys),
               t.head_dim, s.scores, kBlockTokens);
  const std::int32_t first = block * kBlockTokens;
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const std::int32_t position = t.start + (t.first_row + r) / t.group;
    const std::int32_t low = t.window > 0 ? position - t.window + 1 - first : 0;
    const float shrink =
        Soften(s.scores + r * kBlockTokens, static_cast<Q*>(s.probabilities) + r * kBlockTokens,
               low, position + 1 - first, s.peaks[r], s.totals[r]);
    if (shrink != 1.0F) {
      float* sums = s.sums + static_cast<std::size_t>(r) * padded;
      for (std::size_t i = 0; i < padded; i += kWidth) {
        Simd::Store(sums + i, Simd::Mul(Simd::Load(sums + i), Simd::Set(shrink)));
      }
    }
  }
  // Positions beyond the last query's may hold another session's leftovers: they are not read,
  // because even a probability of 0 keeps a NaN a NaN.
  const std::int32_t written = last + 1 - first;
  const std::int32_t tokens = written < kBlockTokens ? (written + 1) & ~1 : kBlockTokens;
  const Kv* values = reinterpret_cast<const Kv*>(keys + t.value_offset);
  for (std::int32_t d = 0; d < t.padded_dim; d += kPanelColumns) {
    Tiles<true>(t.rows, static_cast<const Q*>(s.probabilities), kBlockTokens,
                values + static_cast<std::size_t>(d) * kBlockTokens, tokens, s.sums + d, padded);
  }
}

template <typename Q, typename Kv, typename Out>
void Attend(const AttentionTask& t, const AttentionScratch& s) {
  LoadQueries(t, static_cast<Q*>(s.q));
  const auto padded = static_cast<std::size_t>(t.padded_dim);
  for (std::int32_t r = 0; r < t.rows; ++r) {
    s.peaks[r] = kNegativeInfinity;
    s.totals[r] = 0.0F;
    for (std::size_t i = 0; i < padded; ++i) s.sums[static_cast<std::size_t>(r) * padded + i] = 0;
  }
  const std::int32_t first = t.start + t.first_row / t.group;
  const std::int32_t last = t.start + (t.first_row + t.rows - 1) / t.group;
  std::int32_t block = 0;
  if (t.window > 0 && first >= t.window) block = (first - t.window + 1) / kBlockTokens;
  for (; block <= last / kBlockTokens; ++block) AttendBlock<Q, Kv>(t, s, block, last);
  for (std::int32_t r = 0; r < t.rows; ++r) {
    const std::int32_t f = t.first_row + r;
    Out* out = static_cast<Out*>(t.out) + static_cast<std::size_t>(f / t.group) * t.out_row_stride +
               static_cast<std::size_t>(f % t.group) * t.out_head_stride;
    const float* sums = s.sums + static_cast<std::size_t>(r) * padded;
    const float inverse = 1.0F / s.totals[r];
    for (std::int32_t i = 0; i < t.head_dim; ++i) Put(out + i, sums[i] * inverse);
  }
}

// --- rows ---------------------------------------------------------------------------------------

PINTLE_SIMD float InverseRms(const float* x, float epsilon, std::int32_t n) {
  Floats sum = Simd::Zero();
  std::int32_t i = 0;
  for (; i + kWidth <= n; i += kWidth) sum = Simd::Fma(Simd::Load(x + i), Simd::Load(x + i), sum);
  float total = Simd::Sum(sum);
  for (; i < n; ++i) total += x[i] * x[i];
  return 1.0F / __builtin_sqrtf(total / static_cast<float>(n) + epsilon);
}

template <typename Out>
PINTLE_SIMD void NormalizeTo(const float* x, const float* weight, float epsilon, std::int32_t n,
                             Out* out) {
  const float inverse = InverseRms(x, epsilon, n);
  std::int32_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Floats scaled = Simd::Mul(Simd::Load(x + i), Simd::Set(inverse));
    StoreVector(out + i, Simd::Mul(scaled, Simd::Load(weight + i)));
  }
  for (; i < n; ++i) Put(out + i, x[i] * inverse * weight[i]);
}

template <typename Out>
void Normalize(const float* x, const float* weight, float epsilon, std::int32_t n, void* out) {
  NormalizeTo(x, weight, epsilon, n, static_cast<Out*>(out));
}

void NormalizeInPlace(float* x, const float* weight, float epsilon, std::int32_t n) {
  NormalizeTo(x, weight, epsilon, n, x);
}

void Rotate(float* x, const float* cosines, const float* sines, std::int32_t half) {
  for (std::int32_t i = 0; i < half; ++i) {
    const float a = x[i];
    const float b = x[i + half];
    x[i] = a * cosines[i] - b * sines[i];
    x[i + half] = b * cosines[i] + a * sines[i];
  }
}

PINTLE_SIMD void StoreKeyTo(const float* x, std::int32_t dim, float* panel, std::int32_t token) {
  for (std::int32_t i = 0; i < dim; ++i) panel[i * kBlockTokens + token] = x[i];
}

PINTLE_SIMD void StoreKeyTo(const float* x, std::int32_t dim, Bf16* panel, std::int32_t token) {
  for (std::int32_t i = 0; i < dim; i += 2) {
    Bf16* pair = panel + i * kBlockTokens + 2 * token;
    pair[0] = Narrow(x[i]);
    pair[1] = Narrow(x[i + 1]);
  }
}

PINTLE_SIMD void StoreValueTo(const float* x, std::int32_t dim, float* panels, std::int32_t token) {
  for (std::int32_t i = 0; i < dim; ++i) {
    float* panel = panels + (i / kPanelColumns) * kPanelColumns * kBlockTokens;
    panel[token * kPanelColumns + i % kPanelColumns] = x[i];
    // The reader goes by pairs of positions, so an even one's partner must not stay a leftover.
    if (token % 2 == 0) panel[(token + 1) * kPanelColumns + i % kPanelColumns] = 0.0F;
  }
}

PINTLE_SIMD void StoreValueTo(const float* x, std::int32_t dim, Bf16* panels, std::int32_t token) {
  for (std::int32_t i = 0; i < dim; ++i) {
    Bf16* panel = panels + (i / kPanelColumns) * kPanelColumns * kBlockTokens;
    Bf16* pair = panel + (token / 2) * 2 * kPanelColumns + 2 * (i % kPanelColumns);
    pair[token % 2] = Narrow(x[i]);
    if (token % 2 == 0) pair[1] = 0;
  }
}

template <typename Kv>
void StoreKey(const float* x, std::int32_t dim, void* panel, std::int32_t token) {
  StoreKeyTo(x, dim, static_cast<Kv*>(panel), token);
}

template <typename Kv>
void StoreValue(const float* x, std::int32_t dim, void* panels, std::int32_t token) {
  StoreValueTo(x, dim, static_cast<Kv*>(panels), token);
}

template <typename T>
constexpr Element kElementOf = sizeof(T) == 2 ? Element::kBfloat16 : Element::kFloat32;

template <typename A, typename W, typename Q, typename Kv>
constexpr KernelTable MakeTable(const char* name) {
  return KernelTable{
      name,          kElementOf<A>,     kElementOf<Q>, &Multiply<A, W>, &Attend<Q, Kv, A>,
      &Normalize<A>, &NormalizeInPlace, &Rotate,       &StoreKey<Kv>,   &StoreValue<Kv>};
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_

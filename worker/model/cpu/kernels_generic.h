// SPDX-License-Identifier: Apache-2.0
// The kernels over `Simd`, which the including translation unit has defined for its instruction
// set. Included by kernels_*.cc only, hence everything here has internal linkage.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_attention.h"
#include "worker/model/cpu/kernels_coded.h"
#include "worker/model/cpu/kernels_rounding.h"
#include "worker/model/cpu/kernels_tile.h"

namespace pintle::model::cpu {
namespace {

// --- linear layers ------------------------------------------------------------------------------

template <int kRows, typename A, typename B>
void Tile(const A* a, std::size_t stride, const B* panel, std::int32_t k, float* out,
          const Fetch& fetch) {
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats sums[kRows][2];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      sums[r][0] = Simd::Zero();
      sums[r][1] = Simd::Zero();
    }
    const B* columns = panel + pass * kStepK<B>;
    const char* ahead =
        fetch.stream ? reinterpret_cast<const char*>(columns) + kFetchAhead : fetch.at;
    const std::size_t ahead_step =
        fetch.stream ? kStepK<B> * kPanelColumns * sizeof(B) : fetch.step;
    for (std::int32_t i = 0; i < k; i += kStepK<B>) {
      if constexpr (kRows <= kStreamRows) {
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
      } else {
        __builtin_prefetch(ahead, 0, 2);
        __builtin_prefetch(ahead + 64, 0, 2);
      }
      ahead += ahead_step;
      Step<kRows>(sums, a, stride, columns, i);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      float* row = out + r * kPanelColumns + pass;
      Simd::Store(row, sums[r][0]);
      Simd::Store(row + kWidth, sums[r][1]);
    }
  }
}

// `panel` is a pointer to its elements or a CodedPanel.
template <int kRows, typename A, typename Panel>
PINTLE_SIMD void TileOf(std::int32_t rows, const A* a, std::size_t stride, const Panel& panel,
                        std::int32_t k, float* out, const Fetch& fetch) {
  if (rows == kRows) {
    Tile<kRows>(a, stride, panel, k, out, fetch);
  } else if constexpr (kRows > 1) {
    TileOf<kRows - 1>(rows, a, stride, panel, k, out, fetch);
  }
}

// One over what a row's inputs of type A have been multiplied with (kernels_rounding.h).
template <typename A>
PINTLE_SIMD float InverseFactor(const Product& p, std::int32_t row) {
  float inverse = 1.0F;
  if constexpr (sizeof(A) == sizeof(Bf16)) {
    const A* at = static_cast<const A*>(p.a) + static_cast<std::size_t>(row) * p.a_stride + p.k;
    if (p.row_factors) __builtin_memcpy(&inverse, at, sizeof(inverse));
  }
  return inverse;
}

// To sums that have their row's factor still.
template <typename A>
PINTLE_SIMD void AddBias(const Product& p, float* sums, std::int32_t first, std::int32_t rows,
                         std::int32_t panel) {
  const float* bias = p.bias + panel * kPanelColumns;
  for (std::int32_t r = 0; r < rows; ++r) {
    const Floats factor = Simd::Set(1.0F / InverseFactor<A>(p, first + r));
    for (int c = 0; c < kPanelColumns; c += kWidth) {
      float* at = sums + r * kPanelColumns + c;
      Simd::Store(at, Simd::Fma(Simd::Load(bias + c), factor, Simd::Load(at)));
    }
  }
}

// Of rows of type A into rows of type O.
template <typename A, typename O>
PINTLE_SIMD void FinishSilu(const Product& p, const float* sums, std::int32_t first,
                            std::int32_t rows, std::int32_t panel) {
  constexpr int kHalf = kPanelColumns / 2;
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* row = sums + r * kPanelColumns;
    const Floats inverse = Simd::Set(InverseFactor<A>(p, first + r));
    O* out = static_cast<O*>(p.activations) +
             static_cast<std::size_t>(first + r) * p.activations_stride + panel * kHalf;
    for (int c = 0; c < kHalf; c += kWidth) {
      const Floats gate = Simd::Mul(Simd::Load(row + c), inverse);
      const Floats up = Simd::Mul(Simd::Load(row + kHalf + c), inverse);
      const Floats one = Simd::Set(1.0F);
      const Floats decay = Exp(Simd::Sub(Simd::Zero(), gate));
      const Floats silu = Simd::Div(gate, Simd::Add(one, decay));
      StoreVector(out + c, Simd::Mul(silu, up));
    }
  }
}

template <typename A, bool kAdd>
PINTLE_SIMD void FinishFloats(const Product& p, const float* sums, std::int32_t first,
                              std::int32_t rows, std::int32_t panel) {
  const std::int32_t column = panel * kPanelColumns;
  const std::int32_t rest = p.columns - column;
  for (std::int32_t r = 0; r < rows; ++r) {
    const float* row = sums + r * kPanelColumns;
    float* out = p.out + static_cast<std::size_t>(first + r) * p.out_stride + column;
    const float inverse = InverseFactor<A>(p, first + r);
    const Floats all = Simd::Set(inverse);
    if (rest >= kPanelColumns) {
      for (int c = 0; c < kPanelColumns; c += kWidth) {
        const Floats x = Simd::Load(row + c);
        Simd::Store(out + c,
                    kAdd ? Simd::Fma(x, all, Simd::Load(out + c)) : Simd::Mul(x, all));
      }
    } else {
      for (std::int32_t c = 0; c < rest; ++c) {
        out[c] = (kAdd ? out[c] : 0.0F) + row[c] * inverse;
      }
    }
  }
}

// Has the lines fetched that a tile's results go to: by then they are at hand. `O` is of gated
// ones.
template <typename O>
PINTLE_SIMD void FetchResults(const Product& p, std::int32_t first, std::int32_t rows,
                              std::int32_t panel) {
  const bool gated = p.epilogue == Epilogue::kSiluMul;
  const std::size_t stride =
      gated ? p.activations_stride * sizeof(O) : p.out_stride * sizeof(float);
  const std::size_t bytes =
      gated ? kPanelColumns / 2 * sizeof(O) : kPanelColumns * sizeof(float);
  const char* at = gated ? static_cast<const char*>(p.activations)
                         : reinterpret_cast<const char*>(p.out);
  at += static_cast<std::size_t>(first) * stride + static_cast<std::size_t>(panel) * bytes;
  for (std::int32_t r = 0; r < rows; ++r, at += stride) {
    __builtin_prefetch(at, 1);
    __builtin_prefetch(at + bytes / 2, 1);
    __builtin_prefetch(at + bytes - 1, 1);
  }
}

// Panels of elements, one after another.
template <typename B>
struct Panels {
  static constexpr std::size_t kStepBytes = kStepK<B> * kPanelColumns * sizeof(B);
  static std::size_t Bytes(const Product& p) {
    return kPanelColumns * static_cast<std::size_t>(p.k) * sizeof(B);
  }
  static const B* At(const Product& p, std::int32_t panel) {
    return static_cast<const B*>(p.panels) +
           static_cast<std::size_t>(panel) * Bytes(p) / sizeof(B);
  }
};

template <>
struct Panels<Coded> {
  static constexpr std::size_t kStepBytes = kCodedBytes;
  static std::size_t Bytes(const Product& p) {
    return static_cast<std::size_t>(p.k / kCodedInputs) * kCodedBytes;
  }
  static CodedPanel At(const Product& p, std::int32_t panel) { return CodedPanelAt(p, panel); }
};

template <typename A, typename B, typename O>
void MultiplyRows(const Product& p, std::int32_t first, std::int32_t end, std::int32_t panel) {
  alignas(64) float sums[Simd::kTileRows * kPanelColumns];
  const auto weights = Panels<B>::At(p, panel);
  const A* a = static_cast<const A*>(p.a);
  const std::size_t panel_bytes = Panels<B>::Bytes(p);
  std::int32_t left = TilesOf(end - first, Simd::kTileRows);
  const auto tiles = static_cast<std::size_t>(left);
  Fetch fetch;
  fetch.at = static_cast<const char*>(p.panels) +
             (static_cast<std::size_t>(panel) + 1) * panel_bytes;
  fetch.step = Panels<B>::kStepBytes / tiles;
  fetch.stream = tiles == 1;
  std::int32_t rows = 0;
  for (std::int32_t r = first; r < end; r += rows, --left) {
    rows = TilesOf(end - r, left);
    if (rows > kStreamRows) FetchResults<O>(p, r, rows, panel);
    TileOf<Simd::kTileRows>(rows, a + static_cast<std::size_t>(r) * p.a_stride, p.a_stride,
                            weights, p.k, sums, fetch);
    fetch.at += panel_bytes / tiles;
    if (p.bias != nullptr) AddBias<A>(p, sums, r, rows, panel);
    switch (p.epilogue) {
      case Epilogue::kStore: FinishFloats<A, false>(p, sums, r, rows, panel); break;
      case Epilogue::kAdd: FinishFloats<A, true>(p, sums, r, rows, panel); break;
      case Epilogue::kSiluMul: FinishSilu<A, O>(p, sums, r, rows, panel); break;
    }
  }
}

template <typename A, typename B, typename O>
void Multiply(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  // Half of a 1 MiB L2 for activations, so that they are read from memory once per matrix.
  constexpr std::size_t kActivationBytes = 512 << 10;
  const std::size_t row_bytes = static_cast<std::size_t>(p.k) * sizeof(A);
  const std::int32_t block =
      BlockRows(p.rows, static_cast<std::int32_t>(kActivationBytes / row_bytes), Simd::kTileRows);
  for (std::int32_t first = 0; first < p.rows; first += block) {
    const std::int32_t end = p.rows - first < block ? p.rows : first + block;
    for (std::int32_t panel = panel_begin; panel < panel_end; ++panel) {
      MultiplyRows<A, B, O>(p, first, end, panel);
    }
  }
}

// bf16 weights as they are or coded.
template <typename A, typename O>
void MultiplyBf16(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  if (p.weights == Element::kCodedBf16) {
    Multiply<A, Coded, O>(p, panel_begin, panel_end);
  } else {
    Multiply<A, Bf16, O>(p, panel_begin, panel_end);
  }
}

// --- rows ---------------------------------------------------------------------------------------

PINTLE_SIMD float InverseRms(const float* x, float epsilon, std::int32_t n) {
  // As many sums as hide the latency of adding to one.
  constexpr int kSums = 4;
  Floats sums[kSums] = {Simd::Zero(), Simd::Zero(), Simd::Zero(), Simd::Zero()};
  std::int32_t i = 0;
  for (; i + kSums * kWidth <= n; i += kSums * kWidth) {
#pragma GCC unroll 4
    for (int s = 0; s < kSums; ++s) {
      const Floats part = Simd::Load(x + i + s * kWidth);
      sums[s] = Simd::Fma(part, part, sums[s]);
    }
  }
  for (; i + kWidth <= n; i += kWidth) {
    sums[0] = Simd::Fma(Simd::Load(x + i), Simd::Load(x + i), sums[0]);
  }
  float total = Simd::Sum(Simd::Add(Simd::Add(sums[0], sums[1]), Simd::Add(sums[2], sums[3])));
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

#ifdef __AVX512BF16__
PINTLE_SIMD void NormalizeTo(const float* x, const float* weight, float epsilon, std::int32_t n,
                             Bf16* out) {
  NormalizeFactored(x, weight, InverseRms(x, epsilon, n), n, out);
}
#endif

template <typename Out>
void Normalize(const float* x, const float* weight, float epsilon, std::int32_t n, void* out) {
  NormalizeTo(x, weight, epsilon, n, static_cast<Out*>(out));
}

// The largest whole number of a row such that n exact products of it with bytes sum up within 32
// bits.
PINTLE_SIMD float QuantizedMax(std::int32_t n) {
  const std::int32_t fits = 2147483647 / 127 / n;
  return static_cast<float>(fits < 32767 ? fits : 32767);
}

// Rounds value(i) * inverse, i < n, to whole numbers; value of a vector's lanes or of one element.
// At most `summed` neighbours' products are summed up before they become floats: 0 means all.
template <typename VectorAt, typename At>
PINTLE_SIMD void QuantizeRow(std::int32_t n, Int16* out, const VectorAt& vector_at, const At& at,
                             std::int32_t summed = 0) {
  Floats peaks = Simd::Zero();
  Floats zeros = Simd::Zero();  // NaN where anything was not finite
  std::int32_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const Floats x = vector_at(i);
    peaks = Simd::Max(peaks, Simd::Abs(x));
    zeros = Simd::Fma(x, Simd::Zero(), zeros);
  }
  float peak = Simd::Peak(peaks);
  float zero = Simd::Sum(zeros);
  for (; i < n; ++i) {
    const float x = at(i) < 0 ? -at(i) : at(i);
    if (x > peak) peak = x;
    zero += x * 0.0F;
  }
  // A row that is not finite has a scale that says so: NaN times anything is NaN.
  const bool finite = zero == 0.0F;
  const float limit = QuantizedMax(summed > 0 ? summed : n);
  const float scale = finite ? peak / limit : __builtin_nanf("");
  const float inverse = finite && peak > 0 ? limit / peak : 0.0F;
  i = 0;
  for (; finite && i + kWidth <= n; i += kWidth) {
    Simd::StoreInt16(out + i, Simd::Mul(vector_at(i), Simd::Set(inverse)));
  }
  for (; i < n; ++i) {
    out[i] = finite ? static_cast<Int16>(__builtin_rintf(at(i) * inverse)) : Int16{0};
  }
  __builtin_memcpy(out + n, &scale, sizeof(scale));
}

void NormalizeInPlace(float* x, const float* weight, float epsilon, std::int32_t n) {
  NormalizeTo(x, weight, epsilon, n, x);
}

void Rotate(float* x, const float* cosines, const float* sines, std::int32_t half) {
  std::int32_t i = 0;
  for (; i + kWidth <= half; i += kWidth) {
    const Floats a = Simd::Load(x + i);
    const Floats b = Simd::Load(x + i + half);
    const Floats cosine = Simd::Load(cosines + i);
    const Floats sine = Simd::Load(sines + i);
    Simd::Store(x + i, Simd::Sub(Simd::Mul(a, cosine), Simd::Mul(b, sine)));
    Simd::Store(x + i + half, Simd::Fma(b, cosine, Simd::Mul(a, sine)));
  }
  for (; i < half; ++i) {
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
  std::int32_t i = 0;
  for (; i + kWidth <= dim; i += kWidth) {
    Bf16 rounded[kWidth];
    Simd::StoreBf16(rounded, Simd::Load(x + i));
    for (int j = 0; j < kWidth; j += 2) {
      __builtin_memcpy(panel + (i + j) * kBlockTokens + 2 * token, rounded + j, 4);
    }
  }
  for (; i < dim; ++i) panel[(i & ~1) * kBlockTokens + 2 * token + (i & 1)] = Narrow(x[i]);
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
  Bf16* pairs = panels + (token / 2) * 2 * kPanelColumns;
  constexpr std::int32_t kPanelSize = kPanelColumns * kBlockTokens;
  std::int32_t i = 0;
  for (; i + kWidth <= dim; i += kWidth) {
    Bf16* at = pairs + i / kPanelColumns * kPanelSize + 2 * (i % kPanelColumns);
    if (token % 2 == 0) {
      Simd::StoreFirstOfPairs(at, Simd::Load(x + i));
    } else {
      Simd::StoreSecondOfPairs(at, Simd::Load(x + i));
    }
  }
  for (; i < dim; ++i) {
    Bf16* pair = pairs + i / kPanelColumns * kPanelSize + 2 * (i % kPanelColumns);
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
  KernelTable table;
  table.name = name;
  table.activation = kElementOf<A>;
  table.intermediate = kElementOf<A>;
  table.query = kElementOf<Q>;
  table.kv_neighbours = kStepK<Kv>;
  if constexpr (sizeof(W) == 2) {
    table.multiply = &MultiplyBf16<A, A>;
  } else {
    table.multiply = &Multiply<A, W, A>;
  }
  table.attend = &Attend<Q, Kv, A>;
  table.combine = &Combine<A>;
  table.normalize = &Normalize<A>;
  table.normalize_in_place = &NormalizeInPlace;
  table.rotate = &Rotate;
  table.store_key = &StoreKey<Kv>;
  table.store_value = &StoreValue<Kv>;
  return table;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_GENERIC_H_

// SPDX-License-Identifier: Apache-2.0
// Linear layers whose rows are rounded to bytes (kernel_table.h), over `Simd`, which the including
// translation unit has defined for its instruction set. Internal linkage throughout.
//
// A product of bytes is a whole number, so a group's sum is exact and the same on every instruction
// set; groups are added in f32 in their order, whatever the batch.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_

#include <cstddef>

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_generic.h"

namespace pintle::model::cpu {
namespace {

using Byte = std::uint8_t;

// Whole sums and f32 totals of a tile stay in registers side by side: half as many rows as else.
constexpr std::int32_t kByteRows = Simd::kTileRows / 2;

// Bytes of one line of a panel: four inputs, or eight of half a byte, of every column.
constexpr std::int32_t kLineBytes = 4 * kPanelColumns;

PINTLE_SIMD std::int32_t PaddedInputs(std::int32_t k) {
  return (k + kByteInputs - 1) / kByteInputs * kByteInputs;
}

// The float at `p`, in all lanes.
PINTLE_SIMD Floats FloatAt(const char* p) {
  float x;
  __builtin_memcpy(&x, p, sizeof(x));
  return Simd::Set(x);
}

// --- panels --------------------------------------------------------------------------------

// Columns of int8: w = (q - 128) * scale; the scales are in the panel before each group.
struct Int8Columns {
  static constexpr std::int32_t kHeader = 2 * kPanelColumns;
  static constexpr std::int32_t kLineInputs = 4;

  struct Scales {
    Floats scale[2];
  };
  PINTLE_SIMD Scales Read(const Byte* header, int column) {
    const auto* at = reinterpret_cast<const Bf16*>(header) + column;
    return {{Simd::LoadBf16(at), Simd::LoadBf16(at + kWidth)}};
  }

  template <int kRows>
  PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const Int8* a, std::size_t stride,
                        const Byte* line) {
    const Ints w0 = Simd::LoadBytes(line);
    const Ints w1 = Simd::LoadBytes(line + 4 * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int four;
      __builtin_memcpy(&four, a + static_cast<std::size_t>(r) * stride, sizeof(four));
      const Ints x = Simd::SetInt(four);
      sums[r][0] = Simd::DotBytes(sums[r][0], w0, x);
      sums[r][1] = Simd::DotBytes(sums[r][1], w1, x);
    }
  }

  PINTLE_SIMD Ints Start(const char* group) {
    int start;
    __builtin_memcpy(&start, group + offsetof(ByteGroup, start), sizeof(start));
    return Simd::SetInt(start);
  }

  PINTLE_SIMD void Add(Floats (&totals)[2], const Ints (&sums)[2], const char* group,
                       const Scales& s) {
    const Floats row = FloatAt(group);
    totals[0] = Simd::Fma(Simd::IntsToFloats(sums[0]), Simd::Mul(s.scale[0], row), totals[0]);
    totals[1] = Simd::Fma(Simd::IntsToFloats(sums[1]), Simd::Mul(s.scale[1], row), totals[1]);
  }
};

// Columns of int4: w = q * scale + least, q in [0, 15], both in the panel before each group.
struct Int4Columns {
  static constexpr std::int32_t kHeader = 4 * kPanelColumns;
  static constexpr std::int32_t kLineInputs = 8;

  struct Scales {
    Floats scale[2];
    Floats least[2];
  };
  PINTLE_SIMD Scales Read(const Byte* header, int column) {
    const auto* at = reinterpret_cast<const Bf16*>(header) + column;
    return {{Simd::LoadBf16(at), Simd::LoadBf16(at + kWidth)},
            {Simd::LoadBf16(at + kPanelColumns), Simd::LoadBf16(at + kPanelColumns + kWidth)}};
  }

  template <int kRows>
  PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const Int8* a, std::size_t stride,
                        const Byte* line) {
    const Ints b0 = Simd::LoadBytes(line);
    const Ints b1 = Simd::LoadBytes(line + 4 * kWidth);
    const Ints low0 = Simd::LowNibbles(b0);
    const Ints low1 = Simd::LowNibbles(b1);
    const Ints high0 = Simd::HighNibbles(b0);
    const Ints high1 = Simd::HighNibbles(b1);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      int fours[2];
      __builtin_memcpy(fours, a + static_cast<std::size_t>(r) * stride, sizeof(fours));
      const Ints x = Simd::SetInt(fours[0]);
      sums[r][0] = Simd::DotBytes(sums[r][0], low0, x);
      sums[r][1] = Simd::DotBytes(sums[r][1], low1, x);
      const Ints y = Simd::SetInt(fours[1]);
      sums[r][0] = Simd::DotBytes(sums[r][0], high0, y);
      sums[r][1] = Simd::DotBytes(sums[r][1], high1, y);
    }
  }

  PINTLE_SIMD Ints Start(const char* /*group*/) { return Simd::SetInt(0); }

  PINTLE_SIMD void Add(Floats (&totals)[2], const Ints (&sums)[2], const char* group,
                       const Scales& s) {
    const Floats row = FloatAt(group);
    const Floats whole = FloatAt(group + offsetof(ByteGroup, whole));
    totals[0] = Simd::Fma(s.least[0], whole, totals[0]);
    totals[1] = Simd::Fma(s.least[1], whole, totals[1]);
    totals[0] = Simd::Fma(Simd::IntsToFloats(sums[0]), Simd::Mul(s.scale[0], row), totals[0]);
    totals[1] = Simd::Fma(Simd::IntsToFloats(sums[1]), Simd::Mul(s.scale[1], row), totals[1]);
  }
};

// --- out[kRows][32] = a[kRows][k] x one panel ---------------------------------------------

// What is fetched from memory meanwhile: see Fetch.
struct LineFetch {
  const Byte* at = nullptr;
  std::size_t step = 0;  // bytes per line
};

template <int kRows, typename Columns>
void ByteTile(const Int8* a, std::size_t stride, const Byte* panel, std::int32_t k, float* out,
              const LineFetch& fetch) {
  const std::int32_t padded = PaddedInputs(k);
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats totals[kRows][2];
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) totals[r][0] = totals[r][1] = Simd::Zero();
    const Byte* line = panel;
    const Byte* ahead = fetch.at;
    const auto* group = reinterpret_cast<const char*>(a + padded);
    for (std::int32_t first = 0; first < padded; first += kGroupInputs) {
      const std::int32_t end = padded - first < kGroupInputs ? padded : first + kGroupInputs;
      Ints sums[kRows][2];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        sums[r][0] = sums[r][1] = Columns::Start(group + static_cast<std::size_t>(r) * stride);
      }
      const auto scales = Columns::Read(line, pass);
      line += Columns::kHeader;
      for (std::int32_t i = first; i < end; i += Columns::kLineInputs) {
        if constexpr (kRows <= kStreamRows) {
          __builtin_prefetch(line + kFetchAhead);
          __builtin_prefetch(line + kFetchAhead + 64);
        } else {
          __builtin_prefetch(ahead, 0, 2);
          __builtin_prefetch(ahead + 64, 0, 2);
          ahead += fetch.step;
        }
        Columns::template Step<kRows>(sums, a + i, stride, line + 4 * pass);
        line += kLineBytes;
      }
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        Columns::Add(totals[r], sums[r], group + static_cast<std::size_t>(r) * stride, scales);
      }
      group += sizeof(ByteGroup);
    }
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      Simd::Store(out + r * kPanelColumns + pass, totals[r][0]);
      Simd::Store(out + r * kPanelColumns + pass + kWidth, totals[r][1]);
    }
  }
}

template <int kRows, typename Columns>
PINTLE_SIMD void ByteTileOf(std::int32_t rows, const Int8* a, std::size_t stride,
                            const Byte* panel, std::int32_t k, float* out,
                            const LineFetch& fetch) {
  if (rows == kRows) {
    ByteTile<kRows, Columns>(a, stride, panel, k, out, fetch);
  } else if constexpr (kRows > 1) {
    ByteTileOf<kRows - 1, Columns>(rows, a, stride, panel, k, out, fetch);
  }
}

template <typename Columns>
PINTLE_SIMD std::size_t BytesOfPanel(std::int32_t k) {
  const std::int32_t padded = PaddedInputs(k);
  const std::int32_t groups = (padded - 1) / kGroupInputs + 1;
  return static_cast<std::size_t>(groups) * Columns::kHeader +
         static_cast<std::size_t>(padded / Columns::kLineInputs) * kLineBytes;
}

template <typename Columns>
void MultiplyByteRows(const Product& p, std::int32_t first, std::int32_t end, std::int32_t panel) {
  alignas(64) float sums[kByteRows * kPanelColumns];
  const std::size_t bytes = BytesOfPanel<Columns>(p.k);
  const Byte* weights =
      static_cast<const Byte*>(p.panels) + static_cast<std::size_t>(panel) * bytes;
  const Int8* a = static_cast<const Int8*>(p.a);
  // Equal tiles are faster than full ones and a rest.
  const std::int32_t count = (end - first + kByteRows - 1) / kByteRows;
  const std::int32_t tile = (end - first + count - 1) / count;
  const auto tiles = static_cast<std::size_t>(count);
  LineFetch fetch;
  fetch.at = weights + bytes;
  fetch.step = kLineBytes / tiles;
  for (std::int32_t r = first; r < end; r += tile) {
    const std::int32_t rows = end - r < tile ? end - r : tile;
    ByteTileOf<kByteRows, Columns>(rows, a + static_cast<std::size_t>(r) * p.a_stride,
                                   p.a_stride, weights, p.k, sums, fetch);
    fetch.at += bytes / tiles;
    if (p.bias != nullptr) AddBias(sums, rows, p.bias + panel * kPanelColumns);
    switch (p.epilogue) {
      case Epilogue::kStore: FinishFloats<false>(p, sums, r, rows, panel); break;
      case Epilogue::kAdd: FinishFloats<true>(p, sums, r, rows, panel); break;
      case Epilogue::kSiluMul: FinishSilu<float>(p, sums, r, rows, panel); break;
    }
  }
}

template <typename Columns>
void MultiplyColumns(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  // Half of a 1 MiB L2 for rows, so that they are read from memory once per matrix.
  constexpr std::size_t kRowBytes = 512 << 10;
  std::int32_t block = static_cast<std::int32_t>(kRowBytes / p.a_stride);
  block = block < kByteRows ? kByteRows : block;
  for (std::int32_t first = 0; first < p.rows; first += block) {
    const std::int32_t end = p.rows - first < block ? p.rows : first + block;
    for (std::int32_t panel = panel_begin; panel < panel_end; ++panel) {
      MultiplyByteRows<Columns>(p, first, end, panel);
    }
  }
}

void MultiplyBytes(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  if (p.weights == Element::kInt4) {
    MultiplyColumns<Int4Columns>(p, panel_begin, panel_end);
  } else {
    MultiplyColumns<Int8Columns>(p, panel_begin, panel_end);
  }
}

// --- rows --------------------------------------------------------------------------------

PINTLE_SIMD std::int32_t SumOf(const Int8* bytes, std::int32_t n) {
  if (n == kGroupInputs) return Simd::SumOf32(bytes);
  std::int32_t sum = 0;
  for (std::int32_t i = 0; i < n; ++i) sum += bytes[i];
  return sum;
}

// Rounds inputs [first, end) of a finite row to bytes of one scale; `padded` >= end is where the
// group ends.
template <typename VectorAt, typename At>
PINTLE_SIMD ByteGroup QuantizeGroup(std::int32_t first, std::int32_t end, std::int32_t padded,
                                    Int8* out, const VectorAt& vector_at, const At& at) {
  Floats peaks = Simd::Zero();
  std::int32_t i = first;
  for (; i + kWidth <= end; i += kWidth) peaks = Simd::Max(peaks, Simd::Abs(vector_at(i)));
  float peak = Simd::Peak(peaks);
  for (; i < end; ++i) {
    const float x = at(i) < 0 ? -at(i) : at(i);
    if (x > peak) peak = x;
  }
  constexpr float kSteps = 127.0F;
  constexpr float kLeast = 1e-30F;  // below it all is 0: the inverse must stay finite
  const float inverse = peak > kLeast ? kSteps / peak : 0.0F;
  i = first;
  for (; i + kWidth <= end; i += kWidth) {
    Simd::StoreInt8(out + i, Simd::Mul(vector_at(i), Simd::Set(inverse)));
  }
  for (; i < end; ++i) out[i] = static_cast<Int8>(__builtin_rintf(at(i) * inverse));
  for (; i < padded; ++i) out[i] = 0;
  const std::int32_t sum = SumOf(out + first, padded - first);
  ByteGroup group;
  group.scale = peak > kLeast ? peak / kSteps : 0.0F;
  group.whole = group.scale * static_cast<float>(sum);
  group.start = -128 * sum;
  return group;
}

// NaN where anything of a row is not finite, else 0.
template <typename VectorAt, typename At>
PINTLE_SIMD float ZeroOrNan(std::int32_t n, const VectorAt& vector_at, const At& at) {
  Floats zeros = Simd::Zero();
  std::int32_t i = 0;
  for (; i + kWidth <= n; i += kWidth) zeros = Simd::Fma(vector_at(i), Simd::Zero(), zeros);
  float zero = Simd::Sum(zeros);
  for (; i < n; ++i) zero += at(i) * 0.0F;
  return zero;
}

template <typename VectorAt, typename At>
PINTLE_SIMD void QuantizeToBytes(std::int32_t n, void* out, const VectorAt& vector_at,
                                 const At& at) {
  auto* bytes = static_cast<Int8*>(out);
  const std::int32_t padded = PaddedInputs(n);
  auto* groups = reinterpret_cast<char*>(bytes + padded);
  const bool finite = ZeroOrNan(n, vector_at, at) == 0.0F;
  if (!finite) __builtin_memset(out, 0, static_cast<std::size_t>(padded));
  for (std::int32_t first = 0; first < padded; first += kGroupInputs) {
    // A row that is not finite has scales that say so: NaN times anything is NaN.
    ByteGroup group{__builtin_nanf(""), __builtin_nanf(""), 0};
    if (finite) {
      const std::int32_t last = padded - first < kGroupInputs ? padded : first + kGroupInputs;
      group = QuantizeGroup(first, last < n ? last : n, last, bytes, vector_at, at);
    }
    __builtin_memcpy(groups, &group, sizeof(group));
    groups += sizeof(group);
  }
}

void NormalizeToBytes(const float* x, const float* weight, float epsilon, std::int32_t n,
                      void* out) {
  const float inverse = InverseRms(x, epsilon, n);
  QuantizeToBytes(
      n, out,
      [&](std::int32_t i) {
        return Simd::Mul(Simd::Mul(Simd::Load(x + i), Simd::Set(inverse)), Simd::Load(weight + i));
      },
      [&](std::int32_t i) { return x[i] * inverse * weight[i]; });
}

void QuantizeBytes(const float* x, std::int32_t n, void* out) {
  QuantizeToBytes(
      n, out, [&](std::int32_t i) { return Simd::Load(x + i); },
      [&](std::int32_t i) { return x[i]; });
}

// Rows in bytes; weights kInt8Quad or kInt4, as each product says.
template <typename Q, typename Kv>
constexpr KernelTable MakeByteTable(const char* name) {
  KernelTable table = MakeTable<float, float, Q, Kv>(name);
  table.activation = Element::kByteRow;
  table.multiply = &MultiplyBytes;
  table.normalize = &NormalizeToBytes;
  table.quantize = &QuantizeBytes;
  return table;
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_BYTES_H_

// SPDX-License-Identifier: Apache-2.0
// Linear layers of whole numbers with scales per group of inputs (kernel_table.h), over `Simd`,
// which the including translation unit has defined for its instruction set. Internal linkage
// throughout.
//
// A group's sum is a whole number, hence exact and the same on every instruction set; groups are
// added in f32 in their order, whatever the batch.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_GROUPS_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_GROUPS_H_

#include <cstddef>

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_generic.h"

namespace pintle::model::cpu {
namespace {

using Byte = std::uint8_t;

PINTLE_SIMD std::int32_t PaddedInputs(std::int32_t k) {
  return (k + kByteInputs - 1) / kByteInputs * kByteInputs;
}

// The float at `p`, in all lanes.
PINTLE_SIMD Floats FloatAt(const char* p) {
  float x;
  __builtin_memcpy(&x, p, sizeof(x));
  return Simd::Set(x);
}

struct GroupScales {
  Floats at[2];
};

// Two vectors of bf16 from `column` on.
PINTLE_SIMD GroupScales ReadScales(const Byte* header, int column) {
  const auto* at = reinterpret_cast<const Bf16*>(header) + column;
  return {{Simd::LoadBf16(at), Simd::LoadBf16(at + kWidth)}};
}

// --- panels --------------------------------------------------------------------------------------
// What a kind of columns says: inputs a group has, bytes before a group, inputs and bytes a line of
// a panel has, rows a tile has at most; where a group's sums begin, a line's products, and what a
// group adds to the totals.
// `group` is what the row says about the group.

// kInt8, with rows in 16 bits.
struct Int8Columns {
  using Value = Int16;
  static constexpr std::int32_t kGroup = kInt8Group;
  static constexpr std::int32_t kHeader = 2 * kPanelColumns;
  static constexpr std::int32_t kLineInputs = 2;
  static constexpr std::int32_t kLineBytes = 2 * kPanelColumns;
  static constexpr std::int32_t kRowGroupBytes = 0;
  static constexpr std::int32_t kRowsMax = Simd::kTileRows;

  PINTLE_SIMD std::int32_t Padded(std::int32_t k) { return k; }

  PINTLE_SIMD Ints Begin(const char* /*group*/) { return Simd::SetInt(0); }

  template <int kRows>
  PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const RowFours<kRows, Int16>& rows, std::int32_t i,
                        const Byte* line, int column) {
    const auto* weights = reinterpret_cast<const Int8*>(line) + 2 * column;
    const Ints w0 = Simd::LoadInt8(weights);
    const Ints w1 = Simd::LoadInt8(weights + 2 * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Ints x = FourBytesAt(rows.At(r, i));
      sums[r][0] = Simd::DotInt16(sums[r][0], w0, x);
      sums[r][1] = Simd::DotInt16(sums[r][1], w1, x);
    }
  }

  PINTLE_SIMD void Add(Floats (&totals)[2], const Ints (&sums)[2], const char* /*group*/,
                       const Byte* header, int column) {
    const GroupScales scales = ReadScales(header, column);
    totals[0] = Simd::Fma(Simd::IntsToFloats(sums[0]), scales.at[0], totals[0]);
    totals[1] = Simd::Fma(Simd::IntsToFloats(sums[1]), scales.at[1], totals[1]);
  }

  // Once all groups are in, each row's own scale.
  PINTLE_SIMD void Finish(int rows, const char* row_end, std::size_t row_bytes, float* out) {
    for (int r = 0; r < rows; ++r) {
      const Floats scale = FloatAt(row_end + static_cast<std::size_t>(r) * row_bytes);
      for (int c = 0; c < kPanelColumns; c += kWidth) {
        float* at = out + r * kPanelColumns + c;
        Simd::Store(at, Simd::Mul(Simd::Load(at), scale));
      }
    }
  }
};

// kInt8Quad, with spread rows in bytes.
struct QuadColumns {
  using Value = Int8;
  static constexpr std::int32_t kGroup = kQuadGroup;
  static constexpr std::int32_t kHeader = 2 * kPanelColumns;
  static constexpr std::int32_t kLineInputs = 4;
  static constexpr std::int32_t kLineBytes = 4 * kPanelColumns;
  static constexpr std::int32_t kRowGroupBytes = sizeof(QuadGroup);
  static constexpr std::int32_t kRowsMax = Simd::kTileRows;

  PINTLE_SIMD std::int32_t Padded(std::int32_t k) { return PaddedInputs(k); }

  PINTLE_SIMD Ints Begin(const char* group) {
    return FourBytesAt(group + offsetof(QuadGroup, zero));
  }

  template <int kRows>
  PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const RowFours<kRows, Int8>& rows, std::int32_t i,
                        const Byte* line, int column) {
    const Ints w0 = Simd::LoadBytes(line + 4 * column);
    const Ints w1 = Simd::LoadBytes(line + 4 * column + 4 * kWidth);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Ints x = FourBytesAt(rows.At(r, i));
      sums[r][0] = Simd::DotBytes(sums[r][0], w0, x);
      sums[r][1] = Simd::DotBytes(sums[r][1], w1, x);
    }
  }

  PINTLE_SIMD void Add(Floats (&totals)[2], const Ints (&sums)[2], const char* group,
                       const Byte* header, int column) {
    const GroupScales scales = ReadScales(header, column);
    const Floats row = FloatAt(group);
    totals[0] = Simd::Fma(Simd::IntsToFloats(sums[0]), Simd::Mul(scales.at[0], row), totals[0]);
    totals[1] = Simd::Fma(Simd::IntsToFloats(sums[1]), Simd::Mul(scales.at[1], row), totals[1]);
  }

  PINTLE_SIMD void Finish(int, const char*, std::size_t, float*) {}
};

// kInt4, with rows in bytes.
struct Int4Columns {
  using Value = Int8;
  static constexpr std::int32_t kGroup = kInt4Group;
  static constexpr std::int32_t kHeader = 4 * kPanelColumns;
  static constexpr std::int32_t kLineInputs = 8;
  static constexpr std::int32_t kLineBytes = 4 * kPanelColumns;
  static constexpr std::int32_t kRowGroupBytes = sizeof(ByteGroup);
  // Its groups are short: totals that stay in registers are worth more than full tiles.
  static constexpr std::int32_t kRowsMax = Simd::kTileRows / 2;

  PINTLE_SIMD std::int32_t Padded(std::int32_t k) { return PaddedInputs(k); }

  PINTLE_SIMD Ints Begin(const char* /*group*/) { return Simd::SetInt(0); }

  template <int kRows>
  PINTLE_SIMD void Step(Ints (&sums)[kRows][2], const RowFours<kRows, Int8>& rows, std::int32_t i,
                        const Byte* line, int column) {
    const Ints b0 = Simd::LoadBytes(line + 4 * column);
    const Ints b1 = Simd::LoadBytes(line + 4 * column + 4 * kWidth);
    const Ints low0 = Simd::LowNibbles(b0);
    const Ints low1 = Simd::LowNibbles(b1);
    const Ints high0 = Simd::HighNibbles(b0);
    const Ints high1 = Simd::HighNibbles(b1);
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      const Ints x = FourBytesAt(rows.At(r, i));
      sums[r][0] = Simd::DotBytes(sums[r][0], low0, x);
      sums[r][1] = Simd::DotBytes(sums[r][1], low1, x);
      const Ints y = FourBytesAt(rows.At(r, i + 4));
      sums[r][0] = Simd::DotBytes(sums[r][0], high0, y);
      sums[r][1] = Simd::DotBytes(sums[r][1], high1, y);
    }
  }

  PINTLE_SIMD void Add(Floats (&totals)[2], const Ints (&sums)[2], const char* group,
                       const Byte* header, int column) {
    const GroupScales scales = ReadScales(header, column);
    const GroupScales leasts = ReadScales(header + 2 * kPanelColumns, column);
    const Floats row = FloatAt(group);
    const Floats whole = FloatAt(group + offsetof(ByteGroup, whole));
    totals[0] = Simd::Fma(leasts.at[0], whole, totals[0]);
    totals[1] = Simd::Fma(leasts.at[1], whole, totals[1]);
    totals[0] = Simd::Fma(Simd::IntsToFloats(sums[0]), Simd::Mul(scales.at[0], row), totals[0]);
    totals[1] = Simd::Fma(Simd::IntsToFloats(sums[1]), Simd::Mul(scales.at[1], row), totals[1]);
  }

  PINTLE_SIMD void Finish(int, const char*, std::size_t, float*) {}
};

// --- out[kRows][32] = a[kRows][k] x one panel ----------------------------------------------------

// Few rows keep whole sums and totals in registers side by side; a full tile's totals wait beside
// it, in its result.
template <int kRows>
constexpr bool kTotalsStay = kRows <= Simd::kTileRows / 2;

// The products of a group's `n` inputs.
template <int kRows, typename Columns>
PINTLE_SIMD void GroupSums(Ints (&sums)[kRows][2],
                           RowFours<kRows, typename Columns::Value>& rows, const Byte* lines,
                           std::int32_t n, int column, const Byte*& ahead,
                           std::size_t ahead_step) {
  constexpr std::int32_t kInputs = Columns::kLineInputs;
  // Two lines of a panel a turn, where there are two: the turn itself costs half as much.
  constexpr std::int32_t kTurn = 2 * kInputs;
  const auto fetch = [&] {
    const Byte* at = kRows <= kStreamRows ? lines + kFetchAhead : ahead;
    if constexpr (kRows <= kStreamRows) {
      __builtin_prefetch(at);
      __builtin_prefetch(at + 64);
      if constexpr (Columns::kLineBytes > 64) {
        __builtin_prefetch(at + 128);
        __builtin_prefetch(at + 192);
      }
    } else {
      __builtin_prefetch(at, 0, 2);
      if constexpr (Columns::kLineBytes > 64) __builtin_prefetch(at + 64, 0, 2);
      ahead += 2 * ahead_step;
    }
  };
  std::int32_t i = 0;
  for (; i + kTurn <= n; i += kTurn) {
    fetch();
    Columns::template Step<kRows>(sums, rows, 0, lines, column);
    Columns::template Step<kRows>(sums, rows, kInputs, lines + Columns::kLineBytes, column);
    rows.Advance(kTurn);
    lines += 2 * Columns::kLineBytes;
  }
  if (i < n) {
    Columns::template Step<kRows>(sums, rows, 0, lines, column);
    rows.Advance(kInputs);
  }
}

// What a tile of more rows than kStreamRows has fetched from memory while it computes (Fetch).
struct LineFetch {
  const Byte* at = nullptr;
  std::size_t step = 0;  // bytes per line
};

// Adds a group's sums to the totals of a full tile, which wait in `out`; the first group's begin
// there.
template <int kRows, typename Columns, bool kFirst>
PINTLE_SIMD void AddWaiting(const Ints (&sums)[kRows][2], const char* group, std::size_t row_bytes,
                            const Byte* header, int column, float* out) {
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) {
    float* kept = out + r * kPanelColumns;
    Floats totals[2] = {Simd::Zero(), Simd::Zero()};
    if constexpr (!kFirst) {
      totals[0] = Simd::Load(kept);
      totals[1] = Simd::Load(kept + kWidth);
    }
    Columns::Add(totals, sums[r], group + static_cast<std::size_t>(r) * row_bytes, header, column);
    Simd::Store(kept, totals[0]);
    Simd::Store(kept + kWidth, totals[1]);
    // Else the compiler would move what waits into registers it does not have.
    asm volatile("" ::: "memory");
  }
}

template <int kRows, typename Columns>
void GroupTile(const typename Columns::Value* a, std::size_t stride, const Byte* panel,
               std::int32_t k, float* out, const LineFetch& fetch) {
  using Value = typename Columns::Value;
  constexpr bool kStay = kTotalsStay<kRows>;
  const std::int32_t padded = Columns::Padded(k);
  const std::size_t row_bytes = stride * sizeof(Value);
  for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
    Floats totals[kStay ? kRows : 1][2];
    if constexpr (kStay) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) totals[r][0] = totals[r][1] = Simd::Zero();
    }
    auto rows = RowFours<kRows, Value>::Of(a, stride);
    const Byte* header = panel;
    const Byte* ahead = fetch.at;
    const auto* row_end = reinterpret_cast<const char*>(a + padded);
    const char* group = row_end;
    for (std::int32_t first = 0; first < padded; first += Columns::kGroup) {
      const std::int32_t n = padded - first < Columns::kGroup ? padded - first : Columns::kGroup;
      Ints sums[kRows][2];
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        sums[r][0] = sums[r][1] = Columns::Begin(group + static_cast<std::size_t>(r) * row_bytes);
      }
      GroupSums<kRows, Columns>(sums, rows, header + Columns::kHeader, n, pass, ahead, fetch.step);
      if constexpr (kStay) {
#pragma GCC unroll 16
        for (int r = 0; r < kRows; ++r) {
          const char* of_row = group + static_cast<std::size_t>(r) * row_bytes;
          Columns::Add(totals[r], sums[r], of_row, header, pass);
        }
      } else if (first == 0) {
        AddWaiting<kRows, Columns, true>(sums, group, row_bytes, header, pass, out + pass);
      } else {
        AddWaiting<kRows, Columns, false>(sums, group, row_bytes, header, pass, out + pass);
      }
      header += Columns::kHeader + n / Columns::kLineInputs * Columns::kLineBytes;
      group += Columns::kRowGroupBytes;
    }
    if constexpr (kStay) {
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        Simd::Store(out + r * kPanelColumns + pass, totals[r][0]);
        Simd::Store(out + r * kPanelColumns + pass + kWidth, totals[r][1]);
      }
    }
  }
  Columns::Finish(kRows, reinterpret_cast<const char*>(a + padded), row_bytes, out);
}

template <int kRows, typename Columns>
PINTLE_SIMD void GroupTileOf(std::int32_t rows, const typename Columns::Value* a,
                             std::size_t stride, const Byte* panel, std::int32_t k, float* out,
                             const LineFetch& fetch) {
  if (rows == kRows) {
    GroupTile<kRows, Columns>(a, stride, panel, k, out, fetch);
  } else if constexpr (kRows > 1) {
    GroupTileOf<kRows - 1, Columns>(rows, a, stride, panel, k, out, fetch);
  }
}

template <typename Columns>
PINTLE_SIMD std::size_t BytesOfPanel(std::int32_t k) {
  const std::int32_t padded = Columns::Padded(k);
  const std::int32_t groups = (padded - 1) / Columns::kGroup + 1;
  return static_cast<std::size_t>(groups) * Columns::kHeader +
         static_cast<std::size_t>(padded / Columns::kLineInputs) * Columns::kLineBytes;
}

template <typename Columns>
void MultiplyGroupRows(const Product& p, std::int32_t first, std::int32_t end,
                       std::int32_t panel) {
  constexpr std::int32_t kRowsMax = Columns::kRowsMax;
  alignas(64) float sums[kRowsMax * kPanelColumns];
  const std::size_t bytes = BytesOfPanel<Columns>(p.k);
  const Byte* weights =
      static_cast<const Byte*>(p.panels) + static_cast<std::size_t>(panel) * bytes;
  const auto* a = static_cast<const typename Columns::Value*>(p.a);
  std::int32_t left = TilesOf(end - first, kRowsMax);
  const auto tiles = static_cast<std::size_t>(left);
  LineFetch fetch;
  fetch.at = weights + bytes;
  fetch.step = static_cast<std::size_t>(Columns::kLineBytes) / tiles;
  std::int32_t rows = 0;
  for (std::int32_t r = first; r < end; r += rows, --left) {
    rows = TilesOf(end - r, left);
    if (rows > kStreamRows) FetchResults<float>(p, r, rows, panel);
    GroupTileOf<kRowsMax, Columns>(rows, a + static_cast<std::size_t>(r) * p.a_stride, p.a_stride,
                                   weights, p.k, sums, fetch);
    fetch.at += bytes / tiles;
    if (p.bias != nullptr) AddBias<float>(p, sums, r, rows, panel);
    switch (p.epilogue) {
      case Epilogue::kStore: FinishFloats<float, false>(p, sums, r, rows, panel); break;
      case Epilogue::kAdd: FinishFloats<float, true>(p, sums, r, rows, panel); break;
      case Epilogue::kSiluMul: FinishSilu<float, float>(p, sums, r, rows, panel); break;
    }
  }
}

template <typename Columns>
void MultiplyGroups(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  // Half of a 1 MiB L2 for rows, so that they are read from memory once per matrix.
  constexpr std::size_t kRowBytes = 512 << 10;
  constexpr std::int32_t kRowsMax = Columns::kRowsMax;
  const std::size_t row_bytes = p.a_stride * sizeof(typename Columns::Value);
  const std::int32_t block =
      BlockRows(p.rows, static_cast<std::int32_t>(kRowBytes / row_bytes), kRowsMax);
  for (std::int32_t first = 0; first < p.rows; first += block) {
    const std::int32_t end = p.rows - first < block ? p.rows : first + block;
    for (std::int32_t panel = panel_begin; panel < panel_end; ++panel) {
      MultiplyGroupRows<Columns>(p, first, end, panel);
    }
  }
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_GROUPS_H_

// SPDX-License-Identifier: Apache-2.0
// bf16 linear layers over `Tiles`, the operations of AMX: kernels_amx.cc's are the processor's, a
// test's are plain loops. Included after the `Simd` of an instruction set; internal linkage.
//
// TDPBF16PS adds up a tile's first elements of pairs and its second ones apart, each from zero,
// then both sums, then what was there. VDPBF16PS adds one product after the other to what was
// there: the two never give the same bits. So every row goes through tiles here, one row alone
// too, and 32 inputs at a time from the first: its bits depend on its inputs only, not on the
// rows beside it, the height of the tiles or the thread.
#ifndef PINTLE_WORKER_MODEL_CPU_KERNELS_AMX_H_
#define PINTLE_WORKER_MODEL_CPU_KERNELS_AMX_H_

#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/kernels_generic.h"

namespace pintle::model::cpu {
namespace {

// A tile: rows of 64 bytes, 16 sums or 32 inputs of a row, 16 pairs of weights of one input pair.
constexpr std::int32_t kTileSide = 16;
constexpr std::int32_t kTileInputs = 32;
constexpr std::size_t kTileLine = 64;
// Four tiles of sums, two of rows, two of weights: each loaded line is used twice, so that the
// products of full tiles (16 cycles each) take longer than their loads (8 cycles a tile).
constexpr std::int32_t kBlockRows = 2 * kTileSide;
// Inputs whose weights are decoded before they are multiplied: 16 KiB of L1 for 32 columns.
constexpr std::int32_t kChunkInputs = 256;
// Rows that use decoded weights before others are decoded: their sums are 32 KiB.
constexpr std::int32_t kPassRows = 256;

// What LDTILECFG reads.
struct alignas(64) TileConfig {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t line_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

// Sums of up to 32 rows: tiles 0 and 1 are the first 16 rows', 2 and 3 the others'; 4 and 5 their
// inputs, 6 and 7 weights.
PINTLE_SIMD TileConfig ConfigOf(std::int32_t rows) {
  TileConfig config;
  const auto upper = static_cast<std::uint8_t>(rows < kTileSide ? rows : kTileSide);
  const auto lower = static_cast<std::uint8_t>(rows - upper);
  const std::uint8_t heights[8] = {upper, upper, lower, lower, upper, lower, kTileSide, kTileSide};
  for (int tile = 0; tile < 8; ++tile) {
    config.rows[tile] = heights[tile];
    config.line_bytes[tile] = heights[tile] > 0 ? kTileLine : 0;
  }
  return config;
}

// One thread's working memory for a panel.
struct TileScratch {
  alignas(64) Bf16 weights[kChunkInputs * kPanelColumns];
  alignas(64) Bf16 last[kPassRows * kTileInputs];  // inputs after the last whole tile, and zeros
  alignas(64) float sums[kPassRows * kPanelColumns];
};

PINTLE_SIMD void ZeroWeights(Bf16* weights, std::int32_t inputs) {
  for (std::int32_t i = 0; i < inputs * kPanelColumns; ++i) weights[i] = 0;
}

// A panel's weights, some inputs after the others: where they lie as they are multiplied,
// `[inputs/2][32][2]`, zeros up to a whole tile.
template <typename B>
struct WeightReader;

template <>
struct WeightReader<Bf16> {
  WeightReader(const Product& p, std::int32_t panel) : at(Panels<Bf16>::At(p, panel)) {}

  const Bf16* Next(std::int32_t inputs, Bf16* out) {
    const Bf16* weights = at;
    at += inputs * kPanelColumns;
    for (std::int32_t i = 0; i < inputs; ++i) {
      // An input is a line; the processor's own prefetcher stops at page ends.
      __builtin_prefetch(reinterpret_cast<const char*>(weights + i * kPanelColumns) + kFetchAhead);
    }
    const std::int32_t padding = -inputs & (kTileInputs - 1);
    if (padding == 0) return weights;
    __builtin_memcpy(out, weights, sizeof(Bf16) * kPanelColumns * static_cast<std::size_t>(inputs));
    ZeroWeights(out + inputs * kPanelColumns, padding);
    return out;
  }

  const Bf16* at;
};

template <>
struct WeightReader<Coded> {
  WeightReader(const Product& p, std::int32_t panel_index)
      : panel(CodedPanelAt(p, panel_index)), table(Simd::LoadTable(panel.high_bytes)) {}

  const Bf16* Next(std::int32_t inputs, Bf16* out) {
    const std::int32_t end = group + inputs / kCodedInputs;
    Bf16* to = out;
    for (; group < end; ++group, to += kCodedWeights) {
      __builtin_prefetch(panel.groups + kFetchAhead);
      __builtin_prefetch(panel.groups + kFetchAhead + 64);
      __builtin_prefetch(panel.groups + kFetchAhead + 128);
      if (group == *panel.exceptions) {
        __builtin_memcpy(to, panel.exception_weights, sizeof(Bf16) * kCodedWeights);
        ++panel.exceptions;
        panel.exception_weights += kCodedWeights;
      } else {
        Decode(to);
      }
      panel.groups += kCodedBytes;
    }
    ZeroWeights(to, -inputs & (kTileInputs - 1));
    return out;
  }

  void Decode(Bf16* to) const {
    for (int pass = 0; pass < kPanelColumns; pass += kPassColumns) {
      Ints w[2][2];
      Simd::DecodeGroup(panel.groups, pass, table, w);
      for (int pair = 0; pair < 2; ++pair) {
        Bf16* line = to + 2 * (pair * kPanelColumns + pass);
        __builtin_memcpy(line, &w[pair][0].v, sizeof(w[pair][0].v));
        __builtin_memcpy(line + 2 * kWidth, &w[pair][1].v, sizeof(w[pair][1].v));
      }
    }
  }

  CodedPanel panel;
  Ints table;
  std::int32_t group = 0;
};

// Some inputs of a block's rows times those of a panel.
struct TileFactors {
  const Bf16* a;
  std::size_t a_stride;  // bytes
  const Bf16* weights;
};

// Adds the products of the next 32 inputs to the sums' tiles.
template <typename Tiles, bool kLower>
PINTLE_SIMD void TileStep(const TileFactors& factors) {
  constexpr std::size_t kLine = kPanelColumns * 2 * sizeof(Bf16);
  Tiles::template Load<6>(factors.weights, kLine);
  Tiles::template Load<4>(factors.a, factors.a_stride);
  Tiles::template Dot<0, 4, 6>();
  Tiles::template Load<7>(factors.weights + 2 * kTileSide, kLine);
  Tiles::template Dot<1, 4, 7>();
  if constexpr (kLower) {
    Tiles::template Load<5>(
        reinterpret_cast<const char*>(factors.a) + kTileSide * factors.a_stride, factors.a_stride);
    Tiles::template Dot<2, 5, 6>();
    Tiles::template Dot<3, 5, 7>();
  }
}

template <typename Tiles, bool kLower>
void TileSteps(TileFactors factors, std::int32_t steps) {
  for (std::int32_t i = 0; i < steps; ++i) {
    TileStep<Tiles, kLower>(factors);
    factors.a += kTileInputs;
    factors.weights += kTileInputs * kPanelColumns;
  }
}

// The sums' tiles of a block of `rows` and their 32 columns of f32 in memory.
template <typename Tiles>
PINTLE_SIMD void ZeroSums(std::int32_t rows) {
  Tiles::template Zero<0>();
  Tiles::template Zero<1>();
  if (rows <= kTileSide) return;
  Tiles::template Zero<2>();
  Tiles::template Zero<3>();
}

template <typename Tiles>
PINTLE_SIMD void LoadSums(const float* sums, std::int32_t rows) {
  constexpr std::size_t kLine = kPanelColumns * sizeof(float);
  Tiles::template Load<0>(sums, kLine);
  Tiles::template Load<1>(sums + kTileSide, kLine);
  if (rows <= kTileSide) return;
  Tiles::template Load<2>(sums + kTileSide * kPanelColumns, kLine);
  Tiles::template Load<3>(sums + kTileSide * kPanelColumns + kTileSide, kLine);
}

template <typename Tiles>
PINTLE_SIMD void StoreSums(float* sums, std::int32_t rows) {
  constexpr std::size_t kLine = kPanelColumns * sizeof(float);
  Tiles::template Store<0>(sums, kLine);
  Tiles::template Store<1>(sums + kTileSide, kLine);
  if (rows <= kTileSide) return;
  Tiles::template Store<2>(sums + kTileSide * kPanelColumns, kLine);
  Tiles::template Store<3>(sums + kTileSide * kPanelColumns + kTileSide, kLine);
}

// The rows [first, end) of a product in blocks of nearly equal height.
template <typename Tiles>
class TilePass {
 public:
  TilePass(const Product& p, std::int32_t first, std::int32_t end, TileScratch& scratch)
      : p_(p), first_(first), rows_(end - first), scratch_(scratch) {
    const std::int32_t blocks = (rows_ + kBlockRows - 1) / kBlockRows;
    height_ = (rows_ + blocks - 1) / blocks;
    const std::int32_t rest = p.k % kTileInputs;
    for (std::int32_t r = 0; rest > 0 && r < rows_; ++r) {
      Bf16* to = scratch.last + r * kTileInputs;
      for (std::int32_t i = 0; i < kTileInputs; ++i) {
        to[i] = i < rest ? Row(r)[p.k - rest + i] : Bf16{0};
      }
    }
  }

  template <typename B>
  void MultiplyPanel(std::int32_t panel) {
    WeightReader<B> reader(p_, panel);
    for (std::int32_t i = 0; i < p_.k; i += kChunkInputs) {
      const std::int32_t inputs = p_.k - i < kChunkInputs ? p_.k - i : kChunkInputs;
      const Bf16* weights = reader.Next(inputs, scratch_.weights);
      for (std::int32_t r = 0; r < rows_; r += height_) {
        const std::int32_t rows = rows_ - r < height_ ? rows_ - r : height_;
        if (rows > kTileSide) {
          MultiplyBlock<true>(r, rows, i, inputs, weights);
        } else {
          MultiplyBlock<false>(r, rows, i, inputs, weights);
        }
      }
    }
    Finish(panel);
  }

 private:
  const Bf16* Row(std::int32_t row) const {
    return static_cast<const Bf16*>(p_.a) + static_cast<std::size_t>(first_ + row) * p_.a_stride;
  }

  // Adds the products of inputs [i, i + inputs).
  template <bool kLower>
  void MultiplyBlock(std::int32_t r, std::int32_t rows, std::int32_t i, std::int32_t inputs,
                     const Bf16* weights) {
    float* sums = scratch_.sums + r * kPanelColumns;
    // One block alone keeps its sums in the tiles until the last input.
    const bool alone = height_ == rows_;
    if (rows != configured_) {
      Tiles::Configure(ConfigOf(rows));
      configured_ = rows;
    }
    if (i == 0) {
      ZeroSums<Tiles>(rows);
    } else if (!alone) {
      LoadSums<Tiles>(sums, rows);
    }
    const std::int32_t steps = inputs / kTileInputs;
    TileSteps<Tiles, kLower>({Row(r) + i, p_.a_stride * sizeof(Bf16), weights}, steps);
    if (inputs % kTileInputs != 0) {
      TileStep<Tiles, kLower>({scratch_.last + r * kTileInputs, kTileLine,
                               weights + steps * kTileInputs * kPanelColumns});
    }
    if (!alone || i + inputs == p_.k) StoreSums<Tiles>(sums, rows);
  }

  void Finish(std::int32_t panel) {
    float* sums = scratch_.sums;
    if (p_.bias != nullptr) AddBias<Bf16>(p_, sums, first_, rows_, panel);
    switch (p_.epilogue) {
      case Epilogue::kStore: FinishFloats<Bf16, false>(p_, sums, first_, rows_, panel); break;
      case Epilogue::kAdd: FinishFloats<Bf16, true>(p_, sums, first_, rows_, panel); break;
      case Epilogue::kSiluMul: FinishSilu<Bf16, Bf16>(p_, sums, first_, rows_, panel); break;
    }
  }

  const Product& p_;
  const std::int32_t first_;
  const std::int32_t rows_;
  TileScratch& scratch_;
  std::int32_t height_ = 0;
  std::int32_t configured_ = 0;
};

template <typename Tiles, typename B>
void MultiplyPanels(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  TileScratch scratch;
  const std::int32_t passes = (p.rows + kPassRows - 1) / kPassRows;
  const std::int32_t pass_rows = passes > 0 ? (p.rows + passes - 1) / passes : 0;
  for (std::int32_t first = 0; first < p.rows; first += pass_rows) {
    const std::int32_t end = p.rows - first < pass_rows ? p.rows : first + pass_rows;
    TilePass<Tiles> pass(p, first, end, scratch);
    for (std::int32_t panel = panel_begin; panel < panel_end; ++panel) {
      pass.template MultiplyPanel<B>(panel);
    }
  }
  // Tiles in use make the processor save 8 KiB with every switch of threads.
  Tiles::Release();
}

// KernelTable::multiply for bf16 rows, weights as they are or coded.
template <typename Tiles>
void MultiplyWithTiles(const Product& p, std::int32_t panel_begin, std::int32_t panel_end) {
  if (p.weights == Element::kCodedBf16) {
    MultiplyPanels<Tiles, Coded>(p, panel_begin, panel_end);
  } else {
    MultiplyPanels<Tiles, Bf16>(p, panel_begin, panel_end);
  }
}

}  // namespace
}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_KERNELS_AMX_H_

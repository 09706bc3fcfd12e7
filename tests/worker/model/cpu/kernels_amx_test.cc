// SPDX-License-Identifier: Apache-2.0
// The bf16 products over tiles, bit for bit against the order in which the manual says that
// TDPBF16PS adds: over plain loops in place of the instructions on every machine, and over the
// instructions where the processor has them.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "worker/model/cpu/coded_panels.h"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/simd_avx2.h"
// The kernels are templates over the Simd defined above.
#include "worker/model/cpu/kernels_amx.h"

namespace pintle::model::cpu {
namespace {

// What the instructions do with denormal numbers, read or made.
float Flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x; }

float MultiplyAdd(float a, float b, float sum) {
  return Flushed(std::fma(Flushed(a), Flushed(b), Flushed(sum)));
}

float AddUp(float a, float b) { return Flushed(Flushed(a) + Flushed(b)); }

struct TileLines {
  std::uint8_t lines[16][kTileLine] = {};
};

// Tiles as the manual describes them; what would be an invalid instruction fails the test.
struct PlainTiles {
  static inline TileLines tiles[8];
  static inline TileConfig config;
  static inline bool configured = false;

  static void Configure(const TileConfig& wanted) {
    for (int t = 0; t < 8; ++t) {
      ASSERT_LE(wanted.rows[t], 16);
      ASSERT_LE(wanted.line_bytes[t], kTileLine);
      ASSERT_EQ(wanted.rows[t] == 0, wanted.line_bytes[t] == 0) << "tile " << t;
      tiles[t] = TileLines();
    }
    for (int i = 8; i < 16; ++i) ASSERT_EQ(wanted.rows[i] + wanted.line_bytes[i], 0);
    ASSERT_EQ(wanted.palette, 1);
    config = wanted;
    configured = true;
  }

  static void Release() { configured = false; }

  static bool Usable(int tile) { return configured && config.rows[tile] > 0; }

  template <int kTile>
  static void Zero() {
    ASSERT_TRUE(Usable(kTile));
    tiles[kTile] = TileLines();
  }

  template <int kTile>
  static void Load(const void* lines, std::size_t stride) {
    ASSERT_TRUE(Usable(kTile));
    TileLines tile;
    for (std::size_t r = 0; r < config.rows[kTile]; ++r) {
      std::memcpy(tile.lines[r], static_cast<const char*>(lines) + r * stride, kTileLine);
    }
    tiles[kTile] = tile;
  }

  template <int kTile>
  static void Store(void* lines, std::size_t stride) {
    ASSERT_TRUE(Usable(kTile));
    for (std::size_t r = 0; r < config.rows[kTile]; ++r) {
      std::memcpy(static_cast<char*>(lines) + r * stride, tiles[kTile].lines[r], kTileLine);
    }
  }

  template <int kSums, int kRows, int kWeights>
  static void Dot() {
    ASSERT_TRUE(Usable(kSums) && Usable(kRows) && Usable(kWeights));
    ASSERT_EQ(config.rows[kSums], config.rows[kRows]);
    ASSERT_EQ(config.rows[kWeights] * 4, config.line_bytes[kRows]);
    for (std::size_t r = 0; r < config.rows[kSums]; ++r) {
      for (std::size_t c = 0; c < kTileSide; ++c) {
        float even = 0.0F;
        float odd = 0.0F;
        for (std::size_t pair = 0; pair < kTileSide; ++pair) {
          even = MultiplyAdd(At(kRows, r, 2 * pair), At(kWeights, pair, 2 * c), even);
          odd = MultiplyAdd(At(kRows, r, 2 * pair + 1), At(kWeights, pair, 2 * c + 1), odd);
        }
        float sum;
        std::memcpy(&sum, tiles[kSums].lines[r] + 4 * c, 4);
        sum = AddUp(sum, AddUp(even, odd));
        std::memcpy(tiles[kSums].lines[r] + 4 * c, &sum, 4);
      }
    }
  }

  static float At(int tile, std::size_t row, std::size_t i) {
    std::uint16_t half;
    std::memcpy(&half, tiles[tile].lines[row] + 2 * i, 2);
    return Widen(half);
  }
};

constexpr std::int32_t kPanels = 2;
constexpr std::int32_t kColumns = 57;  // the last panel's others are padding

std::vector<Bf16> Draw(std::int32_t count, int spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<Bf16> values(static_cast<std::size_t>(count));
  for (Bf16& value : values) {
    value = Narrow(std::ldexp(normal(random), -static_cast<int>(random() % 16U) * spread / 16));
  }
  return values;
}

// A matrix in panels, plain and coded, and rows to multiply.
struct Factors {
  Factors(std::int32_t rows, std::int32_t inputs, int spread)
      : k(inputs),
        weights(Draw(kPanels * kPanelColumns * inputs, spread, 3)),
        a(Draw(rows * inputs, spread, 4)),
        bias(kPanels * kPanelColumns, 0.25F) {
    Encode();
  }

  // Codes the weights as they now are.
  void Encode() {
    codes = CodedPanels();
    groups.resize(kPanels * CodedPanelBytes(k));
    for (std::size_t p = 0; k % kCodedInputs == 0 && p < kPanels; ++p) {
      codes.Append(CodePanel(weights.data() + p * static_cast<std::size_t>(k) * kPanelColumns, k,
                             groups.data() + p * CodedPanelBytes(k)));
    }
  }

  Product Of(Element element, std::int32_t first_row, std::int32_t rows) const {
    Product p;
    p.a = a.data() + first_row * k;
    p.a_stride = static_cast<std::size_t>(k);
    p.rows = rows;
    p.k = k;
    p.bias = bias.data();
    p.weights = element;
    p.panels = weights.data();
    if (element == Element::kCodedBf16) {
      p.panels = groups.data();
      p.coded = codes.View();
    }
    return p;
  }

  // In the order of the manual.
  float Sum(std::int32_t row, std::int32_t column) const {
    const Bf16* inputs = a.data() + row * k;
    const Bf16* panel = weights.data() + column / kPanelColumns * kPanelColumns * k;
    float sum = 0.0F;
    for (std::int32_t first = 0; first < k; first += kTileInputs) {
      float parts[2] = {};
      for (std::int32_t i = first; i < std::min(k, first + kTileInputs); ++i) {
        const Bf16 weight = panel[(i & ~1) * kPanelColumns + 2 * (column % kPanelColumns) + i % 2];
        parts[i % 2] = MultiplyAdd(Widen(inputs[i]), Widen(weight), parts[i % 2]);
      }
      sum = AddUp(sum, AddUp(parts[0], parts[1]));
    }
    return sum + bias[static_cast<std::size_t>(column)];
  }

  std::int32_t k;
  std::vector<Bf16> weights;
  std::vector<Bf16> a;
  std::vector<float> bias;
  std::vector<std::uint8_t> groups;
  CodedPanels codes;
};

enum class By { kPlainLoops, kProcessor };

class KernelsAmxTest : public testing::TestWithParam<By> {
 protected:
  void SetUp() override {
    if (GetParam() == By::kPlainLoops) {
      multiply_ = &MultiplyWithTiles<PlainTiles>;
      return;
    }
    if (*ChooseCpuIsa("amx") != CpuIsa::kAmx) GTEST_SKIP() << "this processor lacks AMX";
    multiply_ = KernelsFor(CpuIsa::kAmx, Element::kBfloat16, Element::kBfloat16).multiply;
  }

  void TearDown() override { EXPECT_FALSE(PlainTiles::configured); }

  // kAdd to ones.
  std::vector<float> Outputs(const Factors& factors, Element element, std::int32_t first_row,
                             std::int32_t rows) const {
    std::vector<float> out(static_cast<std::size_t>(rows * kColumns), 1.0F);
    Product p = factors.Of(element, first_row, rows);
    p.epilogue = Epilogue::kAdd;
    p.out = out.data();
    p.out_stride = kColumns;
    p.columns = kColumns;
    multiply_(p, 0, 1);
    multiply_(p, 1, kPanels);
    return out;
  }

  void ExpectTheManualsBits(const Factors& factors, std::int32_t rows, std::int32_t step) const {
    for (const Element element : {Element::kBfloat16, Element::kCodedBf16}) {
      if (element == Element::kCodedBf16 && factors.k % kCodedInputs != 0) continue;
      const std::vector<float> out = Outputs(factors, element, 0, rows);
      for (std::int32_t r = 0; r < rows; r += step) {
        for (std::int32_t c = 0; c < kColumns; ++c) {
          const float expected = 1.0F + factors.Sum(r, c);
          const float got = out[static_cast<std::size_t>(r * kColumns + c)];
          ASSERT_EQ(std::bit_cast<std::uint32_t>(got), std::bit_cast<std::uint32_t>(expected))
              << got << " for " << expected << " in row " << r << ", column " << c << " of "
              << rows << " x " << factors.k << ", element " << static_cast<int>(element);
        }
      }
    }
  }

  void (*multiply_)(const Product&, std::int32_t, std::int32_t) = nullptr;
};

TEST_P(KernelsAmxTest, SumsHaveTheBitsTheManualSays) {
  for (const std::int32_t k : {2, 4, 32, 36, 62, 256, 324}) {
    ExpectTheManualsBits(Factors(3, k, 8), 3, 1);
  }
  for (const std::int32_t rows : {1, 2, 15, 16, 17, 31, 32, 33, 63, 64}) {
    ExpectTheManualsBits(Factors(rows, 64, 4), rows, 1);
  }
}

TEST_P(KernelsAmxTest, ManyRowsTakeSeveralBlocksAndPasses) {
  ExpectTheManualsBits(Factors(75, 548, 8), 75, 18);
  ExpectTheManualsBits(Factors(259, 36, 8), 259, 7);
}

TEST_P(KernelsAmxTest, NumbersTooSmallAreZeroAndOnesThatAreNotFiniteStay) {
  Factors factors(2, 64, 0);
  for (std::size_t i = 0; i < 16; ++i) factors.a[i] = Narrow(1e-30F);
  for (Bf16& weight : factors.weights) {
    if ((weight & 3U) == 1U) weight = Narrow(3e-9F);   // times 1e-30 is denormal
    if ((weight & 3U) == 2U) weight = Bf16{0x0001};    // denormal itself
  }
  factors.Encode();
  factors.bias.assign(factors.bias.size(), -1.0F);  // so that the smallest sums show
  ExpectTheManualsBits(factors, 2, 1);
  factors.a[5] = 0x7f80;       // infinity
  factors.a[64 + 9] = 0x7fc0;  // NaN
  const std::vector<float> out = Outputs(factors, Element::kBfloat16, 0, 2);
  for (std::size_t c = 0; c < kColumns; ++c) {
    EXPECT_FALSE(std::isfinite(out[c])) << c;
    EXPECT_TRUE(std::isnan(out[kColumns + c])) << c;
  }
}

TEST_P(KernelsAmxTest, ARowsBitsDoNotDependOnTheRowsBesideIt) {
  constexpr std::int32_t kRows = 70;
  const Factors factors(kRows, 292, 8);
  const std::vector<float> all = Outputs(factors, Element::kCodedBf16, 0, kRows);
  for (const std::int32_t rows : {1, 5, 16, 20, 33}) {
    const std::int32_t first = kRows - rows;
    const std::vector<float> some = Outputs(factors, Element::kBfloat16, first, rows);
    EXPECT_EQ(std::memcmp(some.data(), all.data() + first * kColumns, 4 * some.size()), 0) << rows;
  }
}

TEST_P(KernelsAmxTest, GateAndUpMeetInSilu) {
  constexpr std::int32_t kRows = 34;
  const Factors factors(kRows, 68, 4);
  constexpr std::size_t kOutputs = kPanels * kPanelColumns / 2;
  std::vector<Bf16> out(kRows * kOutputs);
  Product p = factors.Of(Element::kCodedBf16, 0, kRows);
  p.epilogue = Epilogue::kSiluMul;
  p.activations = out.data();
  p.activations_stride = kOutputs;
  multiply_(p, 0, kPanels);
  for (std::int32_t r = 0; r < kRows; ++r) {
    for (std::int32_t c = 0; c < static_cast<std::int32_t>(kOutputs); ++c) {
      const std::int32_t column = c / 16 * 32 + c % 16;
      const float gate = factors.Sum(r, column);
      const float expected = gate / (1.0F + std::exp(-gate)) * factors.Sum(r, column + 16);
      EXPECT_NEAR(Widen(out[static_cast<std::size_t>(r) * kOutputs + static_cast<std::size_t>(c)]),
                  expected, 0.005 * std::abs(expected) + 1e-6);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiles, KernelsAmxTest, testing::Values(By::kPlainLoops, By::kProcessor),
                         [](const auto& test) {
                           return std::string(test.param == By::kPlainLoops ? "plain_loops"
                                                                            : "processor");
                         });

}  // namespace
}  // namespace pintle::model::cpu

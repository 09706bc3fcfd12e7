// SPDX-License-Identifier: Apache-2.0
// Normalized rows of bf16: their factor makes large elements lose little, and no product has it.
#include "worker/model/cpu/kernel_table.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "worker/model/cpu/cpu_isa.h"

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kK = 102;  // three pairs of vectors and a rest
constexpr std::size_t kStride = kK + 2;
constexpr std::size_t kRows = 13;

float Widen(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

float Round(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return Widen(static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16));
}

class KernelsRoundingTest : public testing::TestWithParam<Element> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < CpuIsa::kAvx512Bf16) GTEST_SKIP() << "this processor lacks the set";
    table_ = &KernelsFor(CpuIsa::kAvx512Bf16, Element::kBfloat16, GetParam());
  }
  // Rows with three elements far larger than the rest, normalized.
  void Normalize() {
    std::mt19937 random(31);
    std::normal_distribution<float> normal;
    const std::vector<float> norm(kK, 0.75F);
    for (std::size_t r = 0; r < kRows; ++r) {
      std::vector<float> x(kK);
      for (float& value : x) value = normal(random);
      for (const std::size_t large : {5U, 40U, 77U}) x[large] *= 20.0F;
      table_->normalize(x.data(), norm.data(), 1e-5F, kK, &rows_[r * kStride]);
      table_->normalize_in_place(x.data(), norm.data(), 1e-5F, kK);
      exact_.insert(exact_.end(), x.begin(), x.end());
    }
  }
  float Inverse(std::size_t row) const {
    float inverse = 0.0F;
    std::memcpy(&inverse, &rows_[row * kStride + kK], sizeof(inverse));
    return inverse;
  }
  float Value(std::size_t row, std::size_t i) const {
    return Inverse(row) * Widen(rows_[row * kStride + i]);
  }
  const KernelTable* table_ = nullptr;
  std::vector<std::uint16_t> rows_ = std::vector<std::uint16_t>(kRows * kStride);
  std::vector<float> exact_;
};

TEST_P(KernelsRoundingTest, LargeElementsLoseLessThanHalfOfWhatRoundingCosts) {
  Normalize();
  double lost = 0.0;
  double plain = 0.0;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t i = 0; i < kK; ++i) {
      const float exact = exact_[r * kK + i];
      ASSERT_NEAR(Value(r, i), exact, 0.004 * std::abs(exact));
      lost += std::pow(Value(r, i) - exact, 2);
      plain += std::pow(Round(exact) - exact, 2);
    }
  }
  EXPECT_LT(lost, 0.5 * plain);
}

TEST_P(KernelsRoundingTest, ProductsAreFreeOfTheFactor) {
  Normalize();
  // Its columns are the first inputs themselves.
  std::vector<std::uint16_t> panel(32 * kK);
  for (std::size_t i = 0; i < 32; ++i) panel[i / 2 * 64 + 2 * i + i % 2] = 0x3f80;
  const std::vector<float> bias(32, 3.0F);
  std::vector<float> out(kRows * 32);
  std::vector<std::uint16_t> gated(kRows * 16);
  Product product;
  product.a = rows_.data();
  product.a_stride = kStride;
  product.row_factors = true;
  product.rows = kRows;
  product.panels = panel.data();
  product.k = kK;
  product.bias = bias.data();
  product.out = out.data();
  product.out_stride = 32;
  product.columns = 32;
  table_->multiply(product, 0, 1);
  product.epilogue = Epilogue::kSiluMul;
  product.activations = gated.data();
  product.activations_stride = 16;
  table_->multiply(product, 0, 1);
  std::vector<float> sums = out;
  product.epilogue = Epilogue::kAdd;
  table_->multiply(product, 0, 1);
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < 32; ++c) {
      ASSERT_NEAR(sums[r * 32 + c], Value(r, c) + 3.0F, 1e-5) << r << ", " << c;
      ASSERT_NEAR(out[r * 32 + c], 2 * sums[r * 32 + c], 1e-5) << r << ", " << c;
    }
    for (std::size_t c = 0; c < 16; ++c) {
      const float gate = sums[r * 32 + c];
      const float expected = gate / (1.0F + std::exp(-gate)) * sums[r * 32 + 16 + c];
      ASSERT_NEAR(Widen(gated[r * 16 + c]), expected, 0.004F * std::abs(expected) + 1e-5F);
    }
  }
}

TEST_P(KernelsRoundingTest, ARowThatIsNotFiniteOrAllZeroStaysSo) {
  const std::vector<float> norm(kK, 1.0F);
  const std::vector<float> zeros(kK);
  table_->normalize(zeros.data(), norm.data(), 1e-5F, kK, rows_.data());
  EXPECT_EQ(Inverse(0), 1.0F);
  EXPECT_EQ(Value(0, 7), 0.0F);
  std::vector<float> x(kK, 1.0F);
  x[33] = std::numeric_limits<float>::quiet_NaN();
  table_->normalize(x.data(), norm.data(), 1e-5F, kK, rows_.data());
  EXPECT_TRUE(std::isnan(Value(0, 33)));
}

INSTANTIATE_TEST_SUITE_P(Kv, KernelsRoundingTest,
                         testing::Values(Element::kFloat32, Element::kBfloat16));

}  // namespace
}  // namespace pintle::model::cpu

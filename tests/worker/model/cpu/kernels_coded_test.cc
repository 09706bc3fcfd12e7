// SPDX-License-Identifier: Apache-2.0
// Products with coded bf16 weights against the same products with plain ones.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

#include "worker/model/cpu/coded_panels.h"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

constexpr std::int32_t kPanels = 3;

std::uint16_t Halve(float x) {
  return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(x) >> 16);
}

// Values of magnitudes within a factor of 2^spread or so.
std::vector<std::uint16_t> Draw(std::size_t count, unsigned spread, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<std::uint16_t> values(count);
  for (std::uint16_t& value : values) {
    value = Halve(std::ldexp(normal(random), -static_cast<int>(random() % (spread + 1))));
  }
  return values;
}

class KernelsCodedTest : public testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa(CpuIsaName(GetParam())) < GetParam()) {
      GTEST_SKIP() << "this processor lacks the set";
    }
    table_ = &KernelsFor(GetParam(), Element::kBfloat16, Element::kBfloat16);
  }

  // What `rows` rows of `k` inputs give with the panels that `product` holds.
  std::vector<float> Outputs(Product product, std::int32_t rows, std::int32_t k) const {
    const auto width = static_cast<std::size_t>(k);
    const auto halves = Draw(static_cast<std::size_t>(rows) * width, 0, 9);
    std::vector<float> floats;
    for (const std::uint16_t half : halves) {
      floats.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(half) << 16));
    }
    const bool narrow = table_->activation == Element::kBfloat16;
    product.a = narrow ? static_cast<const void*>(halves.data()) : floats.data();
    product.a_stride = width;
    product.rows = rows;
    product.k = k;
    std::vector<float> out(static_cast<std::size_t>(rows) * kPanels * kPanelColumns, 0.5F);
    product.epilogue = Epilogue::kAdd;
    product.out = out.data();
    product.out_stride = kPanels * kPanelColumns;
    product.columns = kPanels * kPanelColumns;
    table_->multiply(product, 0, 1);
    table_->multiply(product, 1, kPanels);
    return out;
  }

  const KernelTable* table_ = nullptr;
};

TEST_P(KernelsCodedTest, EverySumHasTheBitsItHasWithPlainWeights) {
  for (const std::int32_t k : {4, 52, 256}) {
    const std::size_t weights = static_cast<std::size_t>(k) * kPanelColumns;
    // Wide enough that the panels have groups of both kinds, but for the smallest.
    std::vector<std::uint16_t> plain = Draw(kPanels * weights, 8, static_cast<unsigned>(k));
    plain[0] = Halve(1e30F);
    plain[weights - 1] = Halve(-1e25F);
    std::vector<std::uint8_t> groups(kPanels * CodedPanelBytes(k));
    CodedPanels codes;
    std::size_t exceptions = 0;
    for (std::size_t p = 0; p < kPanels; ++p) {
      const PanelCode code =
          CodePanel(plain.data() + p * weights, k, groups.data() + p * CodedPanelBytes(k));
      exceptions += code.groups.size();
      codes.Append(code);
    }
    if (k > 4) {
      ASSERT_GT(exceptions, 3U);
      ASSERT_LT(exceptions, kPanels * static_cast<std::size_t>(k / kCodedInputs) / 2);
    }
    Product as_it_is;
    as_it_is.panels = plain.data();
    as_it_is.weights = Element::kBfloat16;
    Product coded;
    coded.panels = groups.data();
    coded.weights = Element::kCodedBf16;
    coded.coded = codes.View();
    for (const std::int32_t rows : {1, 2, 3, 8, 12, 13, 40}) {
      const std::vector<float> expected = Outputs(as_it_is, rows, k);
      const std::vector<float> got = Outputs(coded, rows, k);
      EXPECT_EQ(std::memcmp(got.data(), expected.data(), 4 * got.size()), 0)
          << rows << " rows of " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelsCodedTest,
                         testing::ValuesIn(kCpuIsas),
                         [](const auto& set) { return std::string(CpuIsaName(set.param)); });

}  // namespace
}  // namespace pintle::model::cpu

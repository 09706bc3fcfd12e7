// SPDX-License-Identifier: Apache-2.0
// Products of rows in bytes on every instruction set this processor has, against plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "worker/model/cpu/byte_panels.h"
#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/packed_matrix.h"

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kColumns = 64;

std::vector<float> Draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// Inputs of a group, and the element of the rows multiplied with these weights.
std::size_t GroupOf(Element weights) {
  return static_cast<std::size_t>(weights == Element::kInt4 ? kInt4Group : kQuadGroup);
}
std::size_t RowBytes(Element weights, std::size_t k) {
  return RowElements(weights == Element::kInt4 ? Element::kByteRow : Element::kSpreadByteRow, k);
}

// Weights in panels, and what they stand for.
struct Weights {
  Weights(Element which, std::size_t inputs) : element(which), k(inputs) {
    const auto width = static_cast<std::int32_t>(k);
    const std::size_t bytes = PanelBytes(element, width);
    panels.resize(kColumns / 32 * bytes);
    const std::vector<float> matrix = Draw(kColumns * k, 1);
    for (std::size_t p = 0; p < kColumns / 32; ++p) {
      const float* rows = matrix.data() + p * 32 * k;
      if (element == Element::kInt4) {
        WriteInt4Groups(rows, width, panels.data() + p * bytes);
      } else {
        WriteInt8Quads(rows, width, panels.data() + p * bytes);
      }
    }
  }

  double At(std::size_t column, std::size_t input) const {
    const std::uint8_t* panel =
        panels.data() + column / 32 * PanelBytes(element, static_cast<std::int32_t>(k));
    const std::size_t c = column % 32;
    const bool int4 = element == Element::kInt4;
    panel += input / GroupOf(element) * (int4 ? 128 + 4 * 128 : 64 + kQuadGroup / 4 * 128);
    const auto half = [&](std::size_t at) {
      std::uint16_t bits = 0;
      std::memcpy(&bits, panel + at, 2);
      return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    };
    const std::size_t inside = input % GroupOf(element);
    if (!int4) {
      return static_cast<double>(half(2 * c)) *
             (panel[64 + inside / 4 * 128 + 4 * c + inside % 4] - 128);
    }
    const std::uint8_t byte = panel[128 + inside / 8 * 128 + 4 * c + inside % 4];
    const int q = inside % 8 < 4 ? byte & 15 : byte >> 4;
    return static_cast<double>(half(2 * c)) * q + half(64 + 2 * c);
  }

  Element element;
  std::size_t k;
  std::vector<std::uint8_t> panels;
};

struct Case {
  CpuIsa isa;
  Element weights;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << CpuIsaName(one.isa) << (one.weights == Element::kInt4 ? " int4" : " w8a8");
}

class KernelsBytesTest : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < GetParam().isa) GTEST_SKIP() << "this processor lacks the set";
    table_ = &KernelsFor(GetParam().isa, GetParam().weights, Element::kBfloat16);
  }

  std::vector<std::byte> Quantized(const std::vector<float>& x) const {
    return Quantized(*table_, x);
  }
  static std::vector<std::byte> Quantized(const KernelTable& table, const std::vector<float>& x) {
    std::vector<std::byte> row(RowElements(table.activation, x.size()), std::byte{0x55});
    table.quantize(x.data(), static_cast<std::int32_t>(x.size()), row.data());
    return row;
  }

  // Of an input's group: its scale, and what stands beside it.
  template <typename Group>
  static Group Beside(const std::vector<std::byte>& row, std::size_t k, std::size_t input,
                      std::size_t group_inputs) {
    Group group;
    std::memcpy(&group, row.data() + (k + 7) / 8 * 8 + input / group_inputs * sizeof(group),
                sizeof(group));
    return group;
  }

  double Value(const std::vector<std::byte>& row, std::size_t k, std::size_t input) const {
    static_assert(sizeof(QuadGroup) == sizeof(ByteGroup));  // and the scale is first in both
    const auto group = Beside<ByteGroup>(row, k, input, GroupOf(GetParam().weights));
    return static_cast<double>(static_cast<std::int8_t>(row[input])) * group.scale;
  }

  // Rows times weights, bias and all, as the kernel makes them.
  std::vector<float> Multiplied(const KernelTable& table, const Weights& weights,
                                const std::vector<std::vector<std::byte>>& rows) const {
    std::vector<std::byte> a;
    for (const auto& row : rows) a.insert(a.end(), row.begin(), row.end());
    std::vector<float> out(rows.size() * kColumns, 1.0F);
    Product product;
    product.a = a.data();
    product.a_stride = RowBytes(weights.element, weights.k);
    product.rows = static_cast<std::int32_t>(rows.size());
    product.panels = weights.panels.data();
    product.weights = weights.element;
    product.k = static_cast<std::int32_t>(weights.k);
    product.epilogue = Epilogue::kAdd;
    product.out = out.data();
    product.out_stride = kColumns;
    product.columns = kColumns;
    table.multiply(product, 0, 1);
    table.multiply(product, 1, 2);
    return out;
  }

  const KernelTable* table_ = nullptr;
};

TEST_P(KernelsBytesTest, RowsKeepTheirValuesGroupByGroup) {
  const bool int4 = GetParam().weights == Element::kInt4;
  const std::size_t group_inputs = GroupOf(GetParam().weights);
  for (const std::size_t k : {6U, 32U, 70U, 200U, 576U}) {
    std::vector<float> x = Draw(k, 11);
    x[0] = 300.0F;  // coarse steps for its own group only
    const auto row = Quantized(x);
    if (!int4) SpreadInputs(x.data(), static_cast<std::int32_t>(k));
    for (std::size_t i = 0; i < k; ++i) {
      float peak = 0.0F;
      std::int32_t sum = 0;
      const std::size_t first = i / group_inputs * group_inputs;
      for (std::size_t j = first; j < std::min(k, first + group_inputs); ++j) {
        peak = std::max(peak, std::abs(x[j]));
        sum += static_cast<std::int8_t>(row[j]);
      }
      ASSERT_NEAR(Value(row, k, i), x[i], peak / 127.0F * 0.501F) << k << ", " << i;
      if (int4) {
        const auto group = Beside<ByteGroup>(row, k, i, group_inputs);
        ASSERT_FLOAT_EQ(group.whole, group.scale * static_cast<float>(sum));
      } else {
        ASSERT_EQ(Beside<QuadGroup>(row, k, i, group_inputs).zero, -128 * sum);
      }
    }
  }
}

TEST_P(KernelsBytesTest, ARowBecomesTheSameBytesOnTheWeakestInstructions) {
  const KernelTable& weakest = KernelsFor(CpuIsa::kAvx2, GetParam().weights, Element::kBfloat16);
  for (const std::size_t k : {6U, 64U, 200U, 1536U}) {
    const std::vector<float> x = Draw(k, 21);
    EXPECT_EQ(Quantized(x), Quantized(weakest, x)) << k;
  }
}

TEST_P(KernelsBytesTest, ProductsOfRoundedNumbersAreNearThoseOfTheNumbers) {
  constexpr std::size_t kK = 576;
  const Weights weights(GetParam().weights, kK);
  const std::vector<float> matrix = Draw(kColumns * kK, 1);
  std::vector<float> x = Draw(kK, 31);
  x[100] = 40.0F;  // spread, it is five at 64 places
  const auto out = Multiplied(*table_, weights, {Quantized(x)});
  double error = 0.0;
  double size = 0.0;
  for (std::size_t c = 0; c < kColumns; ++c) {
    double sum = 1.0;
    for (std::size_t i = 0; i < kK; ++i) sum += static_cast<double>(x[i]) * matrix[c * kK + i];
    error += (out[c] - sum) * (out[c] - sum);
    size += sum * sum;
  }
  EXPECT_LT(std::sqrt(error / size), GetParam().weights == Element::kInt4 ? 0.15 : 0.015);
}

TEST_P(KernelsBytesTest, ARowThatIsNotFiniteStaysSoAndZerosStayZeros) {
  const Weights weights(GetParam().weights, 40);
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    std::vector<float> x(40, 1.0F);
    x[37] = bad;
    const auto out = Multiplied(*table_, weights, {Quantized(x), Quantized(Draw(40, 2))});
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_TRUE(std::isnan(out[kColumns - 1]));
    EXPECT_FALSE(std::isnan(out[kColumns])) << "the other row";
  }
  const auto out = Multiplied(*table_, weights, {Quantized(std::vector<float>(40, 0.0F))});
  for (const float value : out) EXPECT_EQ(value, 1.0F);
}

TEST_P(KernelsBytesTest, ProductsEqualPlainSums) {
  for (const std::size_t k : {6U, 72U, 576U}) {
    const Weights weights(GetParam().weights, k);
    for (const std::size_t count : {1U, 2U, 5U, 12U, 29U}) {
      std::vector<std::vector<std::byte>> rows;
      for (std::size_t r = 0; r < count; ++r) {
        rows.push_back(Quantized(Draw(k, static_cast<unsigned>(100 + r))));
      }
      const auto out = Multiplied(*table_, weights, rows);
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t c = 0; c < kColumns; ++c) {
          double sum = 1.0;
          double size = 1.0;
          for (std::size_t i = 0; i < k; ++i) {
            const double part = Value(rows[r], k, i) * weights.At(c, i);
            sum += part;
            size += std::abs(part);
          }
          ASSERT_NEAR(out[r * kColumns + c], sum, 1e-6 * size) << k << ": " << r << ", " << c;
        }
      }
    }
  }
}

TEST_P(KernelsBytesTest, ARowIsTheSameAmongOthersAndOnTheWeakestInstructions) {
  constexpr std::size_t kK = 200;
  const Weights weights(GetParam().weights, kK);
  std::vector<std::vector<std::byte>> rows;
  for (unsigned r = 0; r < 27; ++r) rows.push_back(Quantized(Draw(kK, r)));
  const auto together = Multiplied(*table_, weights, rows);
  const KernelTable& weakest = KernelsFor(CpuIsa::kAvx2, GetParam().weights, Element::kBfloat16);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::vector<float> expected(
        together.begin() + static_cast<std::ptrdiff_t>(r * kColumns),
        together.begin() + static_cast<std::ptrdiff_t>((r + 1) * kColumns));
    ASSERT_EQ(Multiplied(*table_, weights, {rows[r]}), expected) << r;
    ASSERT_EQ(Multiplied(weakest, weights, {rows[r]}), expected) << r;
  }
}

TEST_P(KernelsBytesTest, TheLargestBytesEverywhereDoNotOverflow) {
  constexpr std::size_t kK = 192 * 40;  // whole groups
  Weights weights(GetParam().weights, kK);
  // Scales of 0x3f80 are 1; steps are the largest, and leasts of 0xffff would be NaN.
  std::fill(weights.panels.begin(), weights.panels.end(), std::uint8_t{255});
  const bool int4 = GetParam().weights == Element::kInt4;
  const std::size_t header = int4 ? 128 : 64;
  const std::size_t group = header + (int4 ? 4 : kQuadGroup / 4) * 128;
  for (std::size_t at = 0; at < weights.panels.size(); at += group) {
    for (std::size_t c = 0; c < header / 2; ++c) {
      const std::uint16_t bits = c < 32 ? 0x3f80 : 0;
      std::memcpy(weights.panels.data() + at + 2 * c, &bits, 2);
    }
  }
  std::vector<float> x(kK, 127.0F);
  // What spread is 127 everywhere; the matrix is its own inverse.
  if (!int4) SpreadInputs(x.data(), kK);
  const auto out = Multiplied(*table_, weights, {Quantized(x)});
  EXPECT_FLOAT_EQ(out[0], 1.0F + (int4 ? 15.0F : 127.0F) * 127.0F * static_cast<float>(kK));
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const CpuIsa isa : {CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16}) {
    for (const Element weights : {Element::kInt8Quad, Element::kInt4}) {
      cases.push_back({isa, weights});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelsBytesTest, testing::ValuesIn(Cases()));

}  // namespace
}  // namespace pintle::model::cpu

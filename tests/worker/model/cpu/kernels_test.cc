// SPDX-License-Identifier: Apache-2.0
// Every kernel of every instruction set this processor has, against plain loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

struct Set {
  CpuIsa isa;
  Element weights;
  Element kv;
};

void PrintTo(const Set& set, std::ostream* out) {
  *out << CpuIsaName(set.isa) << (set.weights == Element::kBfloat16 ? " bf16" : " f32")
       << (set.kv == Element::kBfloat16 ? " bf16" : " f32");
}

std::vector<Set> Sets() {
  std::vector<Set> sets;
  for (const CpuIsa isa : {CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16}) {
    for (const Element weights : {Element::kFloat32, Element::kBfloat16}) {
      for (const Element kv : {Element::kFloat32, Element::kBfloat16}) {
        sets.push_back({isa, weights, kv});
      }
    }
  }
  return sets;
}

std::uint16_t Narrow(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  return static_cast<std::uint16_t>((bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16);
}

float Widen(std::uint16_t x) { return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16); }

// Values that bf16 holds exactly, so that f32 and bf16 kernels are held to the same sums.
std::vector<float> Draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = Widen(Narrow(normal(random)));
  return values;
}

// `values` as `element`, in bytes.
std::vector<std::byte> Encode(const std::vector<float>& values, Element element) {
  const std::size_t size = element == Element::kBfloat16 ? 2 : 4;
  std::vector<std::byte> bytes(values.size() * size);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (size == 2) {
      const std::uint16_t half = Narrow(values[i]);
      std::memcpy(bytes.data() + 2 * i, &half, 2);
    } else {
      std::memcpy(bytes.data() + 4 * i, &values[i], 4);
    }
  }
  return bytes;
}

float Decode(const std::vector<std::byte>& bytes, Element element, std::size_t index) {
  if (element == Element::kBfloat16) {
    std::uint16_t half = 0;
    std::memcpy(&half, bytes.data() + 2 * index, 2);
    return Widen(half);
  }
  float value = 0.0F;
  std::memcpy(&value, bytes.data() + 4 * index, 4);
  return value;
}

// columns x k, row-major, into panels.
std::vector<std::byte> Panels(const std::vector<float>& matrix, std::size_t columns, std::size_t k,
                              Element element) {
  std::vector<float> panels(columns * k);
  const std::size_t group = element == Element::kBfloat16 ? 2 : 1;
  for (std::size_t c = 0; c < columns; ++c) {
    for (std::size_t i = 0; i < k; ++i) {
      panels[c / 32 * 32 * k + i / group * group * 32 + c % 32 * group + i % group] =
          matrix[c * k + i];
    }
  }
  return Encode(panels, element);
}

class KernelsTest : public testing::TestWithParam<Set> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < GetParam().isa) GTEST_SKIP() << "this processor lacks the set";
    table_ = &KernelsFor(GetParam().isa, GetParam().weights, GetParam().kv);
  }
  const KernelTable* table_ = nullptr;
};

TEST_P(KernelsTest, ProductsEqualPlainSums) {
  constexpr std::size_t kK = 54;
  constexpr std::size_t kColumns = 96;
  const std::vector<float> weights = Draw(kColumns * kK, 1);
  const auto panels = Panels(weights, kColumns, kK, GetParam().weights);
  const std::vector<float> bias = Draw(kColumns, 2);
  for (const std::size_t rows : {1U, 2U, 3U, 7U, 12U, 13U, 31U}) {
    const std::vector<float> a = Draw(rows * kK, 3);
    const auto encoded = Encode(a, table_->activation);
    std::vector<float> out(rows * 90, 1.0F);
    Product product;
    product.a = encoded.data();
    product.a_stride = kK;
    product.rows = static_cast<std::int32_t>(rows);
    product.panels = panels.data();
    product.k = kK;
    product.bias = bias.data();
    product.epilogue = Epilogue::kAdd;
    product.out = out.data();
    product.out_stride = 90;
    product.columns = 90;
    table_->multiply(product, 0, 1);
    table_->multiply(product, 1, 3);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < 90; ++c) {
        double sum = 1.0 + bias[c];
        for (std::size_t i = 0; i < kK; ++i) {
          sum += static_cast<double>(a[r * kK + i]) * weights[c * kK + i];
        }
        ASSERT_NEAR(out[r * 90 + c], sum, 2e-4) << rows << " rows, " << r << ", " << c;
      }
    }
  }
}

TEST_P(KernelsTest, GateAndUpMeetInSilu) {
  constexpr std::size_t kK = 2;
  // Column c of the panel is (c, 0): the first 16 are gates, the others ups.
  std::vector<float> weights(32 * kK, 0.0F);
  for (std::size_t c = 0; c < 32; ++c) weights[c * kK] = static_cast<float>(c) / 4.0F - 4.0F;
  const auto panels = Panels(weights, 32, kK, GetParam().weights);
  const auto a = Encode({1.0F, 0.0F}, table_->activation);
  std::vector<std::byte> out(16 * 4);
  Product product;
  product.a = a.data();
  product.a_stride = kK;
  product.rows = 1;
  product.panels = panels.data();
  product.k = kK;
  product.epilogue = Epilogue::kSiluMul;
  product.activations = out.data();
  product.activations_stride = 16;
  table_->multiply(product, 0, 1);
  for (std::size_t c = 0; c < 16; ++c) {
    const float gate = weights[c * kK];
    const float expected = gate / (1.0F + std::exp(-gate)) * weights[(c + 16) * kK];
    EXPECT_NEAR(Decode(out, table_->activation, c), expected, 0.004 * std::abs(expected) + 1e-6);
  }
}

// One sequence's blocks and a plain attention over the same keys and values.
struct AttentionCase {
  static constexpr std::size_t kDim = 40;
  static constexpr std::size_t kPadded = 64;
  static constexpr std::int32_t kGroup = 3;
  static constexpr std::int32_t kPositions = 75;

  AttentionCase(const KernelTable& table, Element kv)
      : element_bytes(kv == Element::kBfloat16 ? 2 : 4),
        keys(Draw(kPositions * kDim, 5)),
        values(Draw(kPositions * kDim, 6)),
        block_bytes(32 * (kDim + kPadded) * element_bytes),
        // 0xff is NaN in both formats: what was never written must not be seen.
        pool(4 * block_bytes, std::byte{0xff}) {
    for (std::int32_t p = 0; p < kPositions; ++p) {
      std::byte* block = pool.data() + static_cast<std::size_t>(blocks[p / 32]) * block_bytes;
      table.store_key(keys.data() + static_cast<std::size_t>(p) * kDim, kDim, block, p % 32);
      table.store_value(values.data() + static_cast<std::size_t>(p) * kDim, kDim,
                        block + 32 * kDim * element_bytes, p % 32);
    }
  }

  double Expected(const float* q, std::int32_t position, std::int32_t window, std::size_t i) const {
    double total = 0.0;
    double sum = 0.0;
    const std::int32_t first = window > 0 ? std::max(0, position - window + 1) : 0;
    for (std::int32_t p = first; p <= position; ++p) {
      double score = 0.0;
      for (std::size_t d = 0; d < kDim; ++d) {
        score += static_cast<double>(q[d]) * keys[static_cast<std::size_t>(p) * kDim + d];
      }
      const double weight = std::exp(score * 0.125);
      total += weight;
      sum += weight * values[static_cast<std::size_t>(p) * kDim + i];
    }
    return sum / total;
  }

  std::size_t element_bytes;
  std::vector<float> keys;
  std::vector<float> values;
  std::size_t block_bytes;
  std::vector<std::int32_t> blocks = {2, 0, 3};
  std::vector<std::byte> pool;
};

TEST_P(KernelsTest, PagedAttentionEqualsPlainAttention) {
  using Case = AttentionCase;
  const Case kv(*table_, GetParam().kv);
  constexpr std::int32_t kStart = 60;
  constexpr std::int32_t kRows = (Case::kPositions - kStart) * Case::kGroup;
  const std::vector<float> q = Draw(static_cast<std::size_t>(kRows) * Case::kDim, 7);
  std::vector<float> work(kAttentionRows *
                          (Case::kDim + 2 * kAttentionChunk + 2 * Case::kPadded + 4));
  AttentionScratch scratch;
  scratch.q = work.data();
  scratch.scores = work.data() + kAttentionRows * Case::kDim;
  scratch.probabilities = scratch.scores + kAttentionRows * kAttentionChunk;
  scratch.sums = scratch.scores + kAttentionRows * 2 * kAttentionChunk;
  scratch.peaks = scratch.sums + kAttentionRows * Case::kPadded;
  scratch.totals = scratch.peaks + kAttentionRows;
  scratch.later = scratch.totals + kAttentionRows;
  for (const std::int32_t window : {0, 20}) {
    std::vector<std::byte> out(static_cast<std::size_t>(kRows) * Case::kDim * 4);
    AttentionTask task;
    task.q = q.data();
    task.q_row_stride = task.out_row_stride = Case::kGroup * Case::kDim;
    task.q_head_stride = task.out_head_stride = Case::kDim;
    task.out = out.data();
    task.pool = kv.pool.data();
    task.block_bytes = kv.block_bytes;
    task.value_offset = 32 * Case::kDim * kv.element_bytes;
    task.table = kv.blocks.data();
    task.rows = kRows;
    task.start = kStart;
    task.group = Case::kGroup;
    task.head_dim = Case::kDim;
    task.padded_dim = Case::kPadded;
    task.window = window;
    task.scale = 0.125F;
    table_->attend(task, scratch);
    const double tolerance =
        GetParam().kv == Element::kBfloat16 || table_->activation == Element::kBfloat16 ? 0.02
                                                                                        : 1e-5;
    for (std::int32_t r = 0; r < kRows; ++r) {
      for (std::size_t i = 0; i < Case::kDim; ++i) {
        const std::size_t at = static_cast<std::size_t>(r) * Case::kDim;
        ASSERT_NEAR(Decode(out, table_->activation, at + i),
                    kv.Expected(q.data() + at, kStart + r / Case::kGroup, window, i), tolerance)
            << "row " << r << ", window " << window;
      }
    }
  }
}

TEST_P(KernelsTest, NormsAndRotationsEqualTheirFormulas) {
  const std::vector<float> x = Draw(50, 8);
  const std::vector<float> weight = Draw(50, 9);
  double square = 0.0;
  for (const float value : x) square += static_cast<double>(value) * value;
  const double inverse = 1.0 / std::sqrt(square / 50.0 + 1e-5);
  std::vector<std::byte> out(50 * 4);
  table_->normalize(x.data(), weight.data(), 1e-5F, 50, out.data());
  std::vector<float> same = x;
  table_->normalize_in_place(same.data(), weight.data(), 1e-5F, 50);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_NEAR(same[i], x[i] * inverse * weight[i], 1e-5);
    EXPECT_NEAR(Decode(out, table_->activation, i), same[i], 0.004 * std::abs(same[i]) + 1e-6);
  }
  std::vector<float> rotated = {1.0F, 2.0F, 3.0F, 4.0F};
  const float cosines[] = {0.6F, 1.0F};
  const float sines[] = {0.8F, 0.0F};
  table_->rotate(rotated.data(), cosines, sines, 2);
  EXPECT_FLOAT_EQ(rotated[0], 0.6F - 2.4F);
  EXPECT_FLOAT_EQ(rotated[2], 1.8F + 0.8F);
  EXPECT_EQ(rotated[1], 2.0F);
  EXPECT_EQ(rotated[3], 4.0F);
}

INSTANTIATE_TEST_SUITE_P(Sets, KernelsTest, testing::ValuesIn(Sets()));

}  // namespace
}  // namespace pintle::model::cpu

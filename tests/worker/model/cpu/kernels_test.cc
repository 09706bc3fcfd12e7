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
#include <utility>
#include <vector>

#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/kernel_table.h"
#include "worker/model/cpu/packed_matrix.h"

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
  for (const CpuIsa isa : kCpuIsas) {
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

// One over what a row of `n` that normalize wrote has been multiplied with.
float InverseFactor(const std::byte* row, Element element, std::size_t n) {
  float inverse = 1.0F;
  if (element == Element::kBfloat16) std::memcpy(&inverse, row + 2 * n, sizeof(inverse));
  return inverse;
}

class KernelsTest : public testing::TestWithParam<Set> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa(CpuIsaName(GetParam().isa)) < GetParam().isa) {
      GTEST_SKIP() << "this processor lacks the set";
    }
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

TEST_P(KernelsTest, ARowOfManyBlocksHasTheBitsItHasAlone) {
  constexpr std::size_t kK = 4096;  // 32 rows of floats, 64 of bf16 are a block
  constexpr std::size_t kRows = 131;
  const auto panels = Panels(Draw(32 * kK, 1), 32, kK, GetParam().weights);
  const auto encoded = Encode(Draw(kRows * kK, 3), table_->activation);
  std::vector<float> out(kRows * 32);
  Product product;
  product.a = encoded.data();
  product.a_stride = kK;
  product.rows = static_cast<std::int32_t>(kRows);
  product.panels = panels.data();
  product.k = kK;
  product.out = out.data();
  product.out_stride = 32;
  product.columns = 32;
  table_->multiply(product, 0, 1);
  for (std::size_t r = 0; r < kRows; ++r) {
    std::vector<float> alone(32);
    Product one = product;
    one.a = encoded.data() + r * (encoded.size() / kRows);
    one.rows = 1;
    one.out = alone.data();
    table_->multiply(one, 0, 1);
    ASSERT_EQ(std::vector<float>(&out[r * 32], &out[r * 32] + 32), alone) << r;
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
    EXPECT_NEAR(Decode(out, table_->intermediate, c), expected, 0.004 * std::abs(expected) + 1e-6);
  }
}

// One sequence's blocks and a plain attention over the same keys and values.
struct AttentionCase {
  static constexpr std::size_t kDim = 40;
  static constexpr std::size_t kPadded = 64;
  static constexpr std::int32_t kGroup = 3;
  // Three splits, the last of one chunk and a part.
  static constexpr std::int32_t kPositions = 1203;
  static constexpr std::int32_t kBlocks = (kPositions + 31) / 32;

  AttentionCase(const KernelTable& table, Element kv)
      : element_bytes(kv == Element::kBfloat16 ? 2 : 4),
        keys(Draw(kPositions * kDim, 5)),
        values(Draw(kPositions * kDim, 6)),
        block_bytes(32 * (kDim + kPadded) * element_bytes),
        // 0xff is NaN in both formats: what was never written must not be seen.
        pool((kBlocks + 1) * block_bytes, std::byte{0xff}) {
    for (std::int32_t b = 0; b < kBlocks; ++b) blocks.push_back((b * 7 + 2) % (kBlocks + 1));
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
  std::vector<std::int32_t> blocks;
  std::vector<std::byte> pool;
};

// One thread's working memory.
struct Scratch {
  Scratch()
      : work(kAttentionRows * (AttentionCase::kDim + 2 * kAttentionChunk +
                               2 * AttentionCase::kPadded + kSoftmaxLanes + 4)) {
    scratch.q = work.data();
    scratch.scores = work.data() + kAttentionRows * AttentionCase::kDim;
    scratch.probabilities = scratch.scores + kAttentionRows * kAttentionChunk;
    scratch.sums = scratch.scores + kAttentionRows * 2 * kAttentionChunk;
    scratch.references = scratch.sums + kAttentionRows * AttentionCase::kPadded;
    scratch.totals = scratch.references + kAttentionRows;
    scratch.lanes = scratch.totals + kAttentionRows;
    scratch.later = scratch.lanes + kAttentionRows * kSoftmaxLanes;
  }
  std::vector<float> work;
  AttentionScratch scratch;
};

AttentionTask TaskOf(const AttentionCase& kv, const std::vector<float>& q,
                     std::vector<std::byte>& out, std::int32_t start, std::int32_t window) {
  using Case = AttentionCase;
  AttentionTask task;
  task.q = q.data();
  task.q_row_stride = task.out_row_stride = Case::kGroup * Case::kDim;
  task.q_head_stride = task.out_head_stride = Case::kDim;
  task.out = out.data();
  task.pool = kv.pool.data();
  task.block_bytes = kv.block_bytes;
  task.value_offset = 32 * Case::kDim * kv.element_bytes;
  task.table = kv.blocks.data();
  task.rows = static_cast<std::int32_t>(q.size() / Case::kDim);
  task.start = start;
  task.group = Case::kGroup;
  task.head_dim = Case::kDim;
  task.padded_dim = Case::kPadded;
  task.window = window;
  task.scale = 0.125F;
  return task;
}

TEST_P(KernelsTest, PagedAttentionEqualsPlainAttention) {
  using Case = AttentionCase;
  const Case kv(*table_, GetParam().kv);
  Scratch scratch;
  const bool rough =
      GetParam().kv == Element::kBfloat16 || table_->activation == Element::kBfloat16;
  // Starts and counts of positions: within a block, over blocks, chunks and splits, at the end.
  for (const auto& [start, positions] : std::vector<std::pair<std::int32_t, std::int32_t>>{
           {0, 1}, {0, 16}, {60, 15}, {120, 12}, {505, 14}, {640, 1}, {1190, 13}, {1202, 1}}) {
    const std::vector<float> q =
        Draw(static_cast<std::size_t>(positions * Case::kGroup) * Case::kDim, 7);
    std::vector<std::byte> out(q.size() * 4);
    for (const std::int32_t window : {0, 20, 300}) {
      const AttentionTask task = TaskOf(kv, q, out, start, window);
      table_->attend(task, scratch.scratch);
      for (std::int32_t r = 0; r < task.rows; ++r) {
        for (std::size_t i = 0; i < Case::kDim; i += 3) {
          const std::size_t at = static_cast<std::size_t>(r) * Case::kDim;
          ASSERT_NEAR(Decode(out, table_->intermediate, at + i),
                      kv.Expected(q.data() + at, start + r / Case::kGroup, window, i),
                      rough ? 0.02 : 2e-5)
              << "start " << start << ", row " << r << ", window " << window;
        }
      }
    }
  }
}

TEST_P(KernelsTest, AScoreFarAboveAllBeforeItDecides) {
  using Case = AttentionCase;
  const Case kv(*table_, GetParam().kv);
  Scratch scratch;
  const bool rough =
      GetParam().kv == Element::kBfloat16 || table_->activation == Element::kBfloat16;
  std::vector<float> q = Draw(16 * Case::kGroup * Case::kDim, 7);
  // Scores are then some hundred powers of two apart.
  for (float& x : q) x *= 64.0F;
  // A query is rounded with its scale in it, and at scores of hundreds that is much.
  std::vector<float> seen = q;
  constexpr float kScale = 0.125F * 1.44269504F;
  if (table_->query == Element::kBfloat16) {
    for (float& x : seen) x = Widen(Narrow(x * kScale)) / kScale;
  }
  std::vector<std::byte> out(q.size() * 4);
  for (const std::int32_t start : {0, 100, 500, 1187}) {
    for (const std::int32_t window : {0, 300}) {
      const AttentionTask task = TaskOf(kv, q, out, start, window);
      table_->attend(task, scratch.scratch);
      for (std::int32_t r = 0; r < task.rows; ++r) {
        for (std::size_t i = 0; i < Case::kDim; i += 7) {
          const std::size_t at = static_cast<std::size_t>(r) * Case::kDim;
          ASSERT_NEAR(Decode(out, table_->intermediate, at + i),
                      kv.Expected(seen.data() + at, start + r / Case::kGroup, window, i),
                      rough ? 0.02 : 1e-3)
              << "start " << start << ", row " << r << ", window " << window;
        }
      }
    }
  }
}

TEST_P(KernelsTest, AQueryThatIsNotFiniteFailsItsRowAlone) {
  using Case = AttentionCase;
  const Case kv(*table_, GetParam().kv);
  Scratch scratch;
  std::vector<float> q = Draw(2 * Case::kGroup * Case::kDim, 7);
  q[5] = std::nanf("");
  std::vector<std::byte> out(q.size() * 4);
  const AttentionTask task = TaskOf(kv, q, out, 700, 0);
  table_->attend(task, scratch.scratch);
  for (std::size_t i = 0; i < q.size(); ++i) {
    EXPECT_EQ(std::isnan(Decode(out, table_->intermediate, i)), i < Case::kDim) << i;
  }
}

TEST_P(KernelsTest, ARowsAttentionIsTheSameAloneSharedAmongTasksAndAmongOtherRows) {
  using Case = AttentionCase;
  const Case kv(*table_, GetParam().kv);
  Scratch scratch;
  constexpr std::int32_t kStart = 1190;
  constexpr std::int32_t kCount = 13;
  const std::vector<float> q = Draw(kCount * Case::kGroup * Case::kDim, 7);
  const std::size_t width = Case::kGroup * Case::kDim;
  for (const std::int32_t window : {0, 700}) {
    std::vector<std::byte> together(q.size() * 4, std::byte{1});
    table_->attend(TaskOf(kv, q, together, kStart, window), scratch.scratch);
    for (const std::int32_t row : {0, 6, 12}) {
      const std::vector<float> own(q.begin() + row * static_cast<std::int32_t>(width),
                                   q.begin() + (row + 1) * static_cast<std::int32_t>(width));
      const std::size_t bytes = width * (table_->intermediate == Element::kBfloat16 ? 2 : 4);
      const auto expected = std::vector<std::byte>(
          together.begin() + static_cast<std::ptrdiff_t>(bytes) * row,
          together.begin() + static_cast<std::ptrdiff_t>(bytes) * (row + 1));
      std::vector<std::byte> alone(bytes);
      AttentionTask task = TaskOf(kv, own, alone, kStart + row, window);
      table_->attend(task, scratch.scratch);
      EXPECT_EQ(alone, expected) << row;
      std::vector<std::byte> shared(bytes);
      std::vector<float> partial(3 * Case::kGroup * (2 + Case::kPadded));
      task.out = shared.data();
      task.partial = partial.data();
      for (const std::int32_t split : {2, 0, 1}) {
        task.split = split;
        table_->attend(task, scratch.scratch);
      }
      table_->combine(task, 3);
      EXPECT_EQ(shared, expected) << row;
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
  const float factor = InverseFactor(out.data(), table_->activation, 50);
  std::vector<float> same = x;
  table_->normalize_in_place(same.data(), weight.data(), 1e-5F, 50);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_NEAR(same[i], x[i] * inverse * weight[i], 1e-5);
    EXPECT_NEAR(factor * Decode(out, table_->activation, i), same[i],
                0.004 * std::abs(same[i]) + 1e-6);
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

class Int8KernelsTest : public testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < GetParam()) GTEST_SKIP() << "this processor lacks the set";
    table_ = &KernelsFor(GetParam(), Element::kInt8, Element::kBfloat16);
  }
  // A row of k values as the kernels multiply it, and what it stands for.
  std::vector<std::int16_t> Quantized(const std::vector<float>& x, std::vector<double>& means) {
    const auto k = static_cast<std::int32_t>(x.size());
    std::vector<std::int16_t> row(x.size() + 2);
    table_->quantize(x.data(), k, row.data());
    float scale = 0.0F;
    std::memcpy(&scale, row.data() + k, sizeof(scale));
    for (std::int32_t i = 0; i < k; ++i) {
      means.push_back(static_cast<double>(row[static_cast<std::size_t>(i)]) * scale);
    }
    return row;
  }
  const KernelTable* table_ = nullptr;
};

TEST_P(Int8KernelsTest, RowsKeepTheirValuesAndFillTheirRange) {
  for (const std::size_t k : {6U, 64U, 1536U, 8192U}) {
    const std::vector<float> x = Draw(k, 11);
    std::vector<double> means;
    const auto row = Quantized(x, means);
    const double peak = *std::max_element(x.begin(), x.end(), [](float a, float b) {
      return std::abs(a) < std::abs(b);
    });
    for (std::size_t i = 0; i < k; ++i) {
      ASSERT_NEAR(means[i], x[i], std::abs(peak) / 32767.0 * 0.51) << k << ", " << i;
    }
  }
}

TEST_P(Int8KernelsTest, ARowThatIsNotFiniteStaysSo) {
  for (const float bad : {std::nanf(""), HUGE_VALF, -HUGE_VALF}) {
    for (const std::size_t at : {0U, 5U, 37U}) {
      std::vector<float> x(38, 1.0F);
      x[at] = bad;
      std::vector<double> means;
      Quantized(x, means);
      EXPECT_TRUE(std::isnan(means[0])) << at;
    }
  }
  std::vector<double> means;
  Quantized(std::vector<float>(38, 0.0F), means);
  EXPECT_EQ(means, std::vector<double>(38, 0.0));
}

TEST_P(Int8KernelsTest, ProductsAreSumsOfGroupsOfWholeNumbers) {
  constexpr std::size_t kK = 1500;  // its last group is not whole
  constexpr std::size_t kColumns = 64;
  constexpr std::size_t kGroup = 64;
  constexpr std::size_t kGroupBytes = 64 + kGroup * 32;
  const std::size_t panel_bytes = PanelBytes(Element::kInt8, kK);
  std::mt19937 random(5);
  std::vector<std::uint8_t> panels(kColumns / 32 * panel_bytes);
  std::vector<double> weights(kColumns * kK);
  for (std::size_t c = 0; c < kColumns; ++c) {
    for (std::size_t i = 0; i < kK; ++i) {
      std::uint8_t* group = panels.data() + c / 32 * panel_bytes + i / kGroup * kGroupBytes;
      // 1, 2, 4 or 8 in bf16, by column and group.
      const int power = static_cast<int>((c + i / kGroup) % 4);
      const auto scale = static_cast<std::uint16_t>(0x3f80 + (power << 7));
      std::memcpy(group + 2 * (c % 32), &scale, 2);
      // The largest of both kinds everywhere in the first column: no sum may overflow.
      const int q = c == 0 ? 127 : static_cast<int>(random() % 255) - 127;
      group[64 + i % kGroup / 2 * 64 + c % 32 * 2 + i % 2] = static_cast<std::uint8_t>(q);
      weights[c * kK + i] = q * (1 << power);
    }
  }
  for (const std::size_t rows : {1U, 3U, 12U, 29U}) {
    std::vector<std::int16_t> a;
    std::vector<double> means;
    for (std::size_t r = 0; r < rows; ++r) {
      std::vector<float> x = Draw(kK, static_cast<unsigned>(r));
      if (r == 0) x.assign(kK, 1.5F);
      const auto row = Quantized(x, means);
      a.insert(a.end(), row.begin(), row.end());
    }
    std::vector<float> out(rows * kColumns, 1.0F);
    Product product;
    product.a = a.data();
    product.a_stride = kK + 2;
    product.rows = static_cast<std::int32_t>(rows);
    product.panels = panels.data();
    product.weights = Element::kInt8;
    product.k = kK;
    product.out = out.data();
    product.out_stride = kColumns;
    product.columns = kColumns;
    table_->multiply(product, 0, 2);
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        double sum = 0.0;
        double size = 0.0;
        for (std::size_t i = 0; i < kK; ++i) {
          const double part = means[r * kK + i] * weights[c * kK + i];
          sum += part;
          size += std::abs(part);
        }
        ASSERT_NEAR(out[r * kColumns + c], sum, size * 1e-6) << r << ", " << c;
      }
    }
    // The same bits alone and on the weakest instructions.
    const KernelTable& weakest = KernelsFor(CpuIsa::kAvx2, Element::kInt8, Element::kBfloat16);
    for (const KernelTable* table : {table_, &weakest}) {
      std::vector<float> alone(kColumns);
      product.a = a.data() + (rows - 1) * (kK + 2);
      product.rows = 1;
      product.out = alone.data();
      table->multiply(product, 0, 2);
      const std::vector<float> last(out.end() - kColumns, out.end());
      ASSERT_EQ(alone, last) << rows;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, Int8KernelsTest,
                         testing::Values(CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16),
                         [](const auto& test) { return std::string(CpuIsaName(test.param)); });

INSTANTIATE_TEST_SUITE_P(Sets, KernelsTest, testing::ValuesIn(Sets()));

}  // namespace
}  // namespace pintle::model::cpu

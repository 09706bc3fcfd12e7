// SPDX-License-Identifier: Apache-2.0
// Attention over int8 keys and values on every instruction set this processor has, against plain
// attention over what the blocks hold.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "worker/model/cpu/cpu_isa.h"
#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kDim = 40;
constexpr std::size_t kPadded = 64;
constexpr std::int32_t kGroup = 3;
constexpr std::int32_t kPositions = 1203;  // three splits, the last of one chunk and a part
constexpr std::int32_t kBlocks = (kPositions + 31) / 32;
constexpr std::size_t kKeyBytes = 32 * kDim + 128;
constexpr std::size_t kBlockBytes = kKeyBytes + 32 * kPadded + 128;

std::vector<float> Draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

class KernelsInt8KvTest : public testing::TestWithParam<CpuIsa> {
 protected:
  void SetUp() override {
    if (*ChooseCpuIsa("") < GetParam()) GTEST_SKIP() << "this processor lacks the set";
    table_ = &KernelsFor(GetParam(), Element::kInt8, Element::kInt8);
    ASSERT_EQ(table_->intermediate, Element::kFloat32);
    // 0xff is NaN as a scale: what was never written must not be seen.
    pool_.assign((kBlocks + 1) * kBlockBytes, std::byte{0xff});
    for (std::int32_t b = 0; b < kBlocks; ++b) blocks_.push_back((b * 7 + 2) % (kBlocks + 1));
    const auto keys = Draw(kPositions * kDim, 5);
    const auto values = Draw(kPositions * kDim, 6);
    for (std::int32_t p = 0; p < kPositions; ++p) {
      const std::size_t at = static_cast<std::size_t>(p) * kDim;
      table_->store_key(keys.data() + at, kDim, BlockOf(p), p % 32);
      table_->store_value(values.data() + at, kDim, BlockOf(p) + kKeyBytes, p % 32);
    }
    keys_ = Held(keys, false);
    values_ = Held(values, true);
    q_.resize(kAttentionRows * (kDim + 2) * 2);
    floats_.resize(kAttentionRows * (2 * kAttentionChunk + 2 * kPadded + kSoftmaxLanes + 4));
    scratch_.q = q_.data();
    scratch_.scores = floats_.data();
    scratch_.probabilities = floats_.data() + kAttentionRows * kAttentionChunk;
    scratch_.sums = floats_.data() + kAttentionRows * 2 * kAttentionChunk;
    scratch_.references = scratch_.sums + kAttentionRows * kPadded;
    scratch_.totals = scratch_.references + kAttentionRows;
    scratch_.lanes = scratch_.totals + kAttentionRows;
    scratch_.later = scratch_.lanes + kAttentionRows * kSoftmaxLanes;
  }

  std::byte* BlockOf(std::int32_t position) {
    return pool_.data() +
           static_cast<std::size_t>(blocks_[static_cast<std::size_t>(position / 32)]) * kBlockBytes;
  }

  // What the blocks hold, checked to be within half a step of what was stored.
  std::vector<float> Held(const std::vector<float>& stored, bool value) {
    std::vector<float> held(stored.size());
    for (std::int32_t p = 0; p < kPositions; ++p) {
      const std::byte* base = BlockOf(p) + (value ? kKeyBytes : 0);
      const auto token = static_cast<std::size_t>(p % 32);
      float scale = 0.0F;
      std::memcpy(&scale, base + 32 * (value ? kPadded : kDim) + 4 * token, 4);
      for (std::size_t i = 0; i < kDim; ++i) {
        const std::size_t place = value ? i / 32 * 1024 + token / 2 * 64 + 2 * (i % 32) + token % 2
                                        : (i & ~std::size_t{1}) * 32 + 2 * token + (i & 1);
        const std::size_t at = static_cast<std::size_t>(p) * kDim + i;
        held[at] = static_cast<float>(static_cast<std::int8_t>(base[place])) * scale;
        EXPECT_NEAR(held[at], stored[at], 0.501F * scale);
      }
    }
    return held;
  }

  double Expected(const float* q, std::int32_t position, std::int32_t window, std::size_t i) const {
    double total = 0.0;
    double sum = 0.0;
    const std::int32_t first = window > 0 ? std::max(0, position - window + 1) : 0;
    for (std::int32_t p = first; p <= position; ++p) {
      double score = 0.0;
      for (std::size_t d = 0; d < kDim; ++d) {
        score += static_cast<double>(q[d]) * keys_[static_cast<std::size_t>(p) * kDim + d];
      }
      const double weight = std::exp(score * 0.125);
      total += weight;
      sum += weight * values_[static_cast<std::size_t>(p) * kDim + i];
    }
    return sum / total;
  }

  AttentionTask TaskOf(const std::vector<float>& q, std::vector<float>& out, std::int32_t start,
                       std::int32_t window) const {
    AttentionTask task;
    task.q = q.data();
    task.q_row_stride = task.out_row_stride = kGroup * kDim;
    task.q_head_stride = task.out_head_stride = kDim;
    task.out = out.data();
    task.pool = pool_.data();
    task.block_bytes = kBlockBytes;
    task.value_offset = kKeyBytes;
    task.table = blocks_.data();
    task.rows = static_cast<std::int32_t>(q.size() / kDim);
    task.start = start;
    task.group = kGroup;
    task.head_dim = kDim;
    task.padded_dim = kPadded;
    task.window = window;
    task.scale = 0.125F;
    return task;
  }

  const KernelTable* table_ = nullptr;
  std::vector<std::byte> pool_;
  std::vector<std::int32_t> blocks_;
  std::vector<float> keys_;
  std::vector<float> values_;
  std::vector<std::int16_t> q_;
  std::vector<float> floats_;
  AttentionScratch scratch_;
};

TEST_P(KernelsInt8KvTest, AttentionEqualsPlainAttentionOverWhatTheBlocksHold) {
  for (const auto& [start, positions] : std::vector<std::pair<std::int32_t, std::int32_t>>{
           {0, 1}, {0, 16}, {60, 15}, {120, 12}, {505, 14}, {640, 1}, {1190, 13}, {1202, 1}}) {
    const auto q = Draw(static_cast<std::size_t>(positions * kGroup) * kDim, 7);
    std::vector<float> out(q.size());
    for (const std::int32_t window : {0, 20, 300}) {
      const AttentionTask task = TaskOf(q, out, start, window);
      table_->attend(task, scratch_);
      for (std::int32_t r = 0; r < task.rows; ++r) {
        for (std::size_t i = 0; i < kDim; i += 3) {
          const std::size_t at = static_cast<std::size_t>(r) * kDim;
          ASSERT_NEAR(out[at + i], Expected(q.data() + at, start + r / kGroup, window, i), 5e-4)
              << "start " << start << ", row " << r << ", window " << window;
        }
      }
    }
  }
}

TEST_P(KernelsInt8KvTest, ARowIsTheSameAloneAndSharedAmongTasks) {
  const auto q = Draw(13 * kGroup * kDim, 7);
  std::vector<float> together(q.size());
  table_->attend(TaskOf(q, together, 1190, 0), scratch_);
  constexpr std::size_t kWidth = kGroup * kDim;
  for (const std::int32_t row : {0, 6, 12}) {
    const auto first = static_cast<std::ptrdiff_t>(row) * static_cast<std::ptrdiff_t>(kWidth);
    const std::vector<float> own(q.begin() + first, q.begin() + first + kWidth);
    const std::vector<float> expected(together.begin() + first, together.begin() + first + kWidth);
    std::vector<float> alone(kWidth);
    AttentionTask task = TaskOf(own, alone, 1190 + row, 0);
    table_->attend(task, scratch_);
    EXPECT_EQ(alone, expected) << row;
    std::vector<float> shared(kWidth);
    std::vector<float> partial(3 * kGroup * (2 + kPadded));
    task.out = shared.data();
    task.partial = partial.data();
    for (const std::int32_t split : {2, 0, 1}) {
      task.split = split;
      table_->attend(task, scratch_);
    }
    table_->combine(task, 3);
    EXPECT_EQ(shared, expected) << row;
  }
}

TEST_P(KernelsInt8KvTest, AValueThatIsNotFiniteReachesOnlyThoseWhoMayReadIt) {
  std::vector<float> broken(kDim, 1.0F);
  broken[3] = std::nanf("");
  table_->store_value(broken.data(), kDim, BlockOf(100) + kKeyBytes, 100 % 32);
  const auto q = Draw(kGroup * kDim, 8);
  std::vector<float> out(q.size());
  table_->attend(TaskOf(q, out, 99, 0), scratch_);
  EXPECT_FALSE(std::isnan(out[3]));
  table_->attend(TaskOf(q, out, 100, 0), scratch_);
  EXPECT_TRUE(std::isnan(out[3]));
}

INSTANTIATE_TEST_SUITE_P(Isas, KernelsInt8KvTest,
                         testing::Values(CpuIsa::kAvx2, CpuIsa::kAvx512, CpuIsa::kAvx512Bf16),
                         [](const auto& test) { return std::string(CpuIsaName(test.param)); });

}  // namespace
}  // namespace pintle::model::cpu

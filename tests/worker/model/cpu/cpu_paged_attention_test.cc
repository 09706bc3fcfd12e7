// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/cpu_paged_attention.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/worker/model/model_probe.h"
#include "worker/model/cpu/cpu_isa.h"

namespace pintle::model::cpu {
namespace {

constexpr int kThreads = 3;

class CpuPagedAttentionTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(attention_.Allocate(8).ok());
    q_.assign(kRows * kWidth, 0.0F);
    out_.assign(kRows * kWidth, -1.0F);
  }

  CpuPagedAttention::Rows Rows() {
    CpuPagedAttention::Rows rows;
    rows.q = q_.data();
    rows.q_row_stride = rows.out_row_stride = kWidth;
    rows.q_head_stride = rows.out_head_stride = 24;
    rows.out = reinterpret_cast<std::byte*>(out_.data());
    return rows;
  }

  // Every row's value is its position, in all heads; keys are zero, so attention is a mean.
  void StoreAll(const StepBatch& batch) {
    attention_.Begin(batch);
    const std::vector<float> zeros(24, 0.0F);
    for (std::int32_t row = 0; row < static_cast<std::int32_t>(batch.tokens.size()); ++row) {
      const std::vector<float> value(24, static_cast<float>(attention_.RowPosition(row)));
      for (std::int32_t layer = 0; layer < config_.layers; ++layer) {
        for (std::int32_t head = 0; head < config_.kv_heads; ++head) {
          attention_.StoreKey(layer, row, head, zeros.data());
          attention_.StoreValue(layer, row, head, value.data());
        }
      }
    }
  }

  static constexpr std::size_t kRows = 100;
  static constexpr std::size_t kWidth = 4 * 24;
  const ModelConfig config_ = ConfigOf(TinyFolder("qwen3_norms"));
  CpuPagedAttention attention_{config_,
                               KernelsFor(CpuIsa::kAvx2, Element::kFloat32, Element::kFloat32),
                               Element::kFloat32, kThreads};
  std::vector<float> q_;
  std::vector<float> out_;
};

TEST_F(CpuPagedAttentionTest, ARowAtAnOddPositionSharesAPairWithTheOneBeforeOnlyInItsSequence) {
  const std::vector<BlockIndex> first = {5};
  const std::vector<BlockIndex> second = {0};
  StepBatch batch;
  batch.tokens.resize(5);
  batch.slices.push_back({1, 0, 3, 0, first});
  batch.slices.push_back({2, 3, 2, 7, second});
  attention_.Begin(batch);
  const bool expected[5] = {false, true, false, false, false};
  for (std::int32_t row = 0; row < 5; ++row) {
    EXPECT_EQ(attention_.SharesPair(row), expected[row]) << row;
  }
}

TEST_F(CpuPagedAttentionTest, ThreadsTogetherAttendEveryRowOnce) {
  const std::vector<BlockIndex> first = {5, 2, 7};
  const std::vector<BlockIndex> second = {0, 3};
  StepBatch batch;
  batch.tokens.resize(kRows);
  batch.slices.push_back({1, 0, 70, 0, first});
  batch.slices.push_back({2, 70, 30, 0, second});
  StoreAll(batch);
  StageShares shares(kThreads);
  for (int thread = 0; thread < kThreads; ++thread) attention_.Attend(1, thread, Rows(), shares);
  for (std::size_t row = 0; row < kRows; ++row) {
    const float position = static_cast<float>(row < 70 ? row : row - 70);
    for (std::size_t i = 0; i < kWidth; ++i) {
      ASSERT_NEAR(out_[row * kWidth + i], position / 2.0F, 1e-4F) << "row " << row;
    }
  }
}

TEST_F(CpuPagedAttentionTest, ABlockCanBeCopiedReadAndWritten) {
  const std::vector<BlockIndex> table = {5};
  StepBatch batch;
  batch.tokens.resize(20);
  batch.slices.push_back({1, 0, 20, 0, table});
  StoreAll(batch);
  const std::size_t bytes = attention_.Layout().block_bytes;
  std::vector<std::byte> original(bytes);
  std::vector<std::byte> other(bytes);
  ASSERT_TRUE(attention_.ReadBlock(5, absl::MakeSpan(original)).ok());
  batch.copies.push_back({5, 6, 20});
  attention_.Begin(batch);
  ASSERT_TRUE(attention_.ReadBlock(6, absl::MakeSpan(other)).ok());
  EXPECT_EQ(other, original);
  ASSERT_TRUE(attention_.WriteBlock(1, original).ok());
  ASSERT_TRUE(attention_.ReadBlock(1, absl::MakeSpan(other)).ok());
  EXPECT_EQ(other, original);
}

TEST_F(CpuPagedAttentionTest, LayoutCountsTokensWithoutAndBlocksWithPadding) {
  // 24 dimensions: keys as they are, values padded to a panel of 32.
  EXPECT_EQ(attention_.Layout().bytes_per_token, 2U * 2 * 2 * 24 * 4);
  EXPECT_EQ(attention_.Layout().block_bytes, 2U * 2 * 32 * (24 + 32) * 4);
  EXPECT_EQ(attention_.Blocks(), 8);
}

}  // namespace
}  // namespace pintle::model::cpu

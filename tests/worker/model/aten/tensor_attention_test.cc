// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/tensor_attention.h"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include <vector>

namespace pintle::model::aten {
namespace {

// Returns what is stored instead of attending.
class StoredKeys final : public TensorAttention {
 public:
  StoredKeys(const ModelConfig& config, at::TensorOptions kv) : TensorAttention(config, kv, 16) {}
  float KeyAt(std::int64_t layer, std::int64_t block, std::int64_t offset) const {
    return Keys(layer).select(0, block).select(0, offset).select(0, 0).select(0, 0).item<float>();
  }
  float ValueAt(std::int64_t layer, std::int64_t block, std::int64_t offset) const {
    return Values(layer).select(0, block).select(0, offset).select(0, 0).select(0, 0).item<float>();
  }

 protected:
  at::Tensor AttendStored(std::int64_t /*layer*/, const at::Tensor& q) override { return q; }
};

ModelConfig Config() {
  ModelConfig config;
  config.layers = 2;
  config.heads = config.kv_heads = 1;
  config.head_dim = 4;
  return config;
}

TEST(TensorAttentionTest, RowsGoToTheirBlockAndOffset) {
  const ModelConfig config = Config();
  StoredKeys attention(config, at::TensorOptions().dtype(at::kFloat));
  ASSERT_TRUE(attention.Allocate(4).ok());
  EXPECT_EQ(attention.Layout().block_bytes, 16U * 2 * 2 * 4 * 4);
  const std::vector<BlockIndex> table = {3, 1};
  StepBatch batch;
  batch.tokens = {7, 8};
  batch.slices.push_back({1, 0, 2, 15, table});
  attention.Begin(batch);
  const at::Tensor k = at::full({2, 1, 4}, 5.0);
  const at::Tensor v = at::full({2, 1, 4}, 6.0);
  attention.Attend(1, k, k, v);
  EXPECT_EQ(attention.KeyAt(1, 3, 15), 5.0F);
  EXPECT_EQ(attention.KeyAt(1, 1, 0), 5.0F);
  EXPECT_EQ(attention.ValueAt(1, 1, 0), 6.0F);
  EXPECT_EQ(attention.KeyAt(0, 1, 0), 0.0F);
  EXPECT_EQ(attention.KeyAt(1, 3, 14), 0.0F);
}

TEST(TensorAttentionTest, BlocksAreCopiedReadAndWrittenWhole) {
  const ModelConfig config = Config();
  StoredKeys attention(config, at::TensorOptions().dtype(at::kFloat));
  ASSERT_TRUE(attention.Allocate(4).ok());
  std::vector<std::byte> bytes(attention.Layout().block_bytes, std::byte{0x40});
  ASSERT_TRUE(attention.WriteBlock(2, bytes).ok());
  const std::vector<BlockIndex> table = {0};
  StepBatch batch;
  batch.tokens = {7};
  batch.slices.push_back({1, 0, 1, 0, table});
  batch.copies.push_back({2, 1, 16});
  attention.Begin(batch);
  std::vector<std::byte> copied(bytes.size());
  ASSERT_TRUE(attention.ReadBlock(1, absl::MakeSpan(copied)).ok());
  EXPECT_EQ(copied, bytes);
}

}  // namespace
}  // namespace pintle::model::aten

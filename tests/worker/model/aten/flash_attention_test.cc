// SPDX-License-Identifier: Apache-2.0
// The kernel itself needs a GPU; here its blocks and what is prepared for it on any device.
#include "worker/model/aten/flash_attention.h"

#include <gtest/gtest.h>

#include <vector>

namespace pintle::model::aten {
namespace {

TEST(FlashAttentionTest, PreparesBatchesOverBlocksOf256Positions) {
  ModelConfig config;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 64;
  FlashAttention attention(config, at::TensorOptions().dtype(at::kBFloat16));
  EXPECT_EQ(attention.Layout().block_tokens, 256);
  EXPECT_EQ(attention.Layout().bytes_per_token, 2U * 2 * 2 * 64 * 2);
  ASSERT_TRUE(attention.Allocate(3).ok());
  const std::vector<BlockIndex> longer = {0, 2};
  const std::vector<BlockIndex> shorter = {1};
  StepBatch batch;
  batch.tokens.resize(3);
  batch.slices.push_back({1, 0, 2, 300, longer});
  batch.slices.push_back({2, 2, 1, 4, shorter});
  EXPECT_NO_THROW(attention.Begin(batch));
}

}  // namespace
}  // namespace pintle::model::aten

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/gather_attention.h"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <vector>

namespace pintle::model::aten {
namespace {

TEST(GatherAttentionTest, ARowSeesItsWindowOfItsOwnBlocks) {
  ModelConfig config;
  config.layers = 1;
  config.heads = 2;
  config.kv_heads = 1;
  config.head_dim = 4;
  config.sliding_window = 4;
  GatherAttention attention(config, at::TensorOptions().dtype(at::kFloat));
  ASSERT_TRUE(attention.Allocate(8).ok());
  const std::vector<BlockIndex> table = {6, 2};
  StepBatch batch;
  batch.tokens.resize(40);
  batch.slices.push_back({1, 0, 40, 0, table});
  attention.Begin(batch);
  // Keys are zero, so attention is the mean of the visible values, which are the positions.
  at::Tensor values = at::zeros({40, 1, 4});
  for (int i = 0; i < 40; ++i) values.select(0, i).fill_(i);
  const at::Tensor out = attention.Attend(0, at::zeros({40, 2, 4}), at::zeros({40, 1, 4}), values);
  EXPECT_NEAR(out.select(0, 1).select(0, 0).select(0, 0).item<float>(), 0.5F, 1e-5F);
  EXPECT_NEAR(out.select(0, 35).select(0, 1).select(0, 3).item<float>(), 33.5F, 1e-4F);
}

}  // namespace
}  // namespace pintle::model::aten

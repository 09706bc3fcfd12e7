// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "contract/errors.h"
#include "worker/model/model_folder.h"

namespace pintle::model {
namespace {

ModelFolder OpenTiny(const std::string& name) {
  auto folder = ModelFolder::Open(std::string(PINTLE_SOURCE_DIR) + "/tests/data/model/" + name);
  EXPECT_TRUE(folder.ok()) << folder.status();
  return *std::move(folder);
}

void ExpectRefused(const ModelConfig& config, const WeightSource& source,
                   const std::string& tensor) {
  const absl::Status status = ModelWeights::Resolve(config, source).status();
  EXPECT_TRUE(HasReason(status, Reason::kInvalidField)) << status;
  EXPECT_NE(status.message().find(tensor), std::string::npos) << status;
}

TEST(ModelWeightsTest, FindsEveryTensorAndCountsItsBytes) {
  ModelFolder folder = OpenTiny("llama_plain");
  const auto source = folder.TakeWeights();
  const auto weights = ModelWeights::Resolve(folder.config(), *source);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(weights->layers.size(), 2U);
  EXPECT_NE(weights->head.bytes.data(), weights->embedding.bytes.data());
  std::size_t bytes = 0;
  for (const std::string& name : source->Names()) bytes += source->Find(name)->bytes.size();
  EXPECT_EQ(weights->bytes, bytes);
}

TEST(ModelWeightsTest, TiedModelsUseTheEmbeddingAsHead) {
  ModelFolder folder = OpenTiny("llama_tied_bias");
  const auto source = folder.TakeWeights();
  const auto weights = ModelWeights::Resolve(folder.config(), *source);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_EQ(weights->head.bytes.data(), weights->embedding.bytes.data());
  EXPECT_FALSE(weights->layers[0].q.bias.bytes.empty());
}

TEST(ModelWeightsTest, AMissingOrMisshapenTensorIsNamed) {
  ModelFolder folder = OpenTiny("llama_plain");
  const auto source = folder.TakeWeights();
  ModelConfig config = folder.config();
  config.qk_norm = true;
  ExpectRefused(config, *source, "model.layers.0.self_attn.q_norm.weight");
  config = folder.config();
  config.intermediate += 16;
  ExpectRefused(config, *source, "model.layers.0.mlp.gate_proj.weight");
  config = folder.config();
  config.head_dim *= 2;
  ExpectRefused(config, *source, "model.layers.0.self_attn.q_proj.weight");
}

TEST(ModelWeightsTest, EveryDtypeBecomesTheSameFloats) {
  const std::vector<float> floats = {1.5F, -0.25F};
  const std::vector<std::uint16_t> bf16 = {0x3fc0, 0xbe80};
  const std::vector<std::uint16_t> f16 = {0x3e00, 0xb400};
  const auto view = [](Dtype dtype, const auto& values) {
    return TensorView{
        dtype,
        {2},
        {reinterpret_cast<const std::byte*>(values.data()), values.size() * sizeof(values[0])}};
  };
  EXPECT_EQ(ToFloats(view(Dtype::kFloat32, floats)), floats);
  EXPECT_EQ(ToFloats(view(Dtype::kBfloat16, bf16)), floats);
  EXPECT_EQ(ToFloats(view(Dtype::kFloat16, f16)), floats);
  const std::vector<std::uint16_t> special = {0x0001, 0x7c00};
  EXPECT_EQ(FloatAt(view(Dtype::kFloat16, special), 0), std::ldexp(1.0F, -24));
  EXPECT_TRUE(std::isinf(FloatAt(view(Dtype::kFloat16, special), 1)));
}

}  // namespace
}  // namespace pintle::model

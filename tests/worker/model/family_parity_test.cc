// SPDX-License-Identifier: Apache-2.0
// Every family and rope variant against transformers' f32 logits (scripts/references).
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/worker/model/model_probe.h"

namespace pintle::model {
namespace {

// A model and how its feature is switched off without changing a tensor's shape.
struct Variant {
  std::string name;
  std::function<void(ModelConfig&)> switch_off;
};

void PrintTo(const Variant& variant, std::ostream* out) { *out << variant.name; }

void DropScaling(ModelConfig& config) {
  const double theta = config.rope.theta;
  config.rope = RopeConfig();
  config.rope.theta = theta;
}

// The dimension a reader would derive: shapes stay, heads are cut differently.
void DeriveHeadDim(ModelConfig& config) {
  const std::int32_t derived = config.hidden / config.heads;
  config.heads = config.heads * config.head_dim / derived;
  config.kv_heads = config.kv_heads * config.head_dim / derived;
  config.head_dim = derived;
}

std::vector<Variant> Variants() {
  return {
      {"llama_plain", [](ModelConfig& c) { c.rope.theta = 1e9; }},
      {"llama_tied_bias", [](ModelConfig& c) { c.qkv_bias = c.output_bias = c.mlp_bias = false; }},
      {"llama_head_dim", DeriveHeadDim},
      {"llama_linear", DropScaling},
      {"llama_llama3", DropScaling},
      {"llama_yarn", DropScaling},
      {"llama_yarn_mscale", DropScaling},
      {"mistral_window", [](ModelConfig& c) { c.sliding_window = 0; }},
      {"qwen2_bias", [](ModelConfig& c) { c.qkv_bias = false; }},
      {"qwen3_norms", [](ModelConfig& c) { c.qk_norm = false; }},
  };
}

TorchDecoderOptions ExactOptions() {
  TorchDecoderOptions options;
  options.dtype = "f32";
  options.threads = 2;
  return options;
}

class FamilyParityTest : public testing::TestWithParam<Variant> {};

TEST_P(FamilyParityTest, LogitsEqualTransformers) {
  for (const char* isa : {"avx2", "avx512"}) {
    TorchDecoderOptions options = ExactOptions();
    options.cpu_isa = isa;
    ModelProbe probe = ModelProbe::Open(TinyFolder(GetParam().name), options);
    EXPECT_LE(MaxDifference(probe.LogitsOf(TinyTokens(GetParam().name), 128),
                            TinyReference(GetParam().name)),
              1e-4F)
        << isa;
  }
}

TEST_P(FamilyParityTest, LibTorchForwardEqualsTransformers) {
  TorchDecoderOptions options = ExactOptions();
  options.tensor_forward = true;
  ModelProbe probe = ModelProbe::Open(TinyFolder(GetParam().name), options);
  EXPECT_LE(MaxDifference(probe.LogitsOf(TinyTokens(GetParam().name), 50),
                          TinyReference(GetParam().name)),
            1e-4F);
}

TEST_P(FamilyParityTest, SwitchingTheFeatureOffMovesLogits) {
  const std::string folder = TinyFolder(GetParam().name);
  ModelConfig config = ConfigOf(folder);
  GetParam().switch_off(config);
  ModelProbe probe = ModelProbe::OpenChanged(folder, config, nullptr, ExactOptions());
  EXPECT_GE(MaxDifference(probe.LogitsOf(TinyTokens(GetParam().name), 128),
                          TinyReference(GetParam().name)),
            0.1F);
}

TEST_P(FamilyParityTest, ChunkedAndBatchedEqualWholeAndAloneBitForBit) {
  const std::vector<TokenId> tokens = TinyTokens(GetParam().name);
  const std::vector<TokenId> other(tokens.rbegin(), tokens.rend());
  for (const auto& [dtype, kv_dtype] : std::vector<std::pair<const char*, const char*>>{
           {"f32", ""}, {"bf16", ""}, {"int8", ""}, {"w8a8", ""}, {"int4", ""}, {"bf16", "int8"},
           {"w8a8", "int8"}}) {
    TorchDecoderOptions options = ExactOptions();
    options.dtype = dtype;
    options.kv_dtype = kv_dtype;
    ModelProbe probe = ModelProbe::Open(TinyFolder(GetParam().name), options);
    const Logits whole = probe.LogitsOf(tokens, 128);
    EXPECT_EQ(probe.LogitsOf(tokens, 1), whole) << dtype << kv_dtype;
    EXPECT_EQ(probe.LogitsOf(tokens, 37), whole) << dtype << kv_dtype;
    EXPECT_EQ(probe.LogitsOf({other, tokens, other}, 13)[1], whole) << dtype << kv_dtype;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FamilyParityTest, testing::ValuesIn(Variants()),
                         [](const auto& variant) { return variant.param.name; });

}  // namespace
}  // namespace pintle::model

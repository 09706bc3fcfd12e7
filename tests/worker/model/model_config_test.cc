// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "contract/errors.h"
#include "nlohmann/json.hpp"

namespace pintle::model {
namespace {

using Json = nlohmann::json;

Json Base(const std::string& architecture) {
  return {{"architectures", {architecture}},
          {"vocab_size", 100},
          {"hidden_size", 64},
          {"intermediate_size", 128},
          {"num_hidden_layers", 4},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"max_position_embeddings", 512},
          {"rms_norm_eps", 1e-5},
          {"rope_theta", 5000.0},
          {"torch_dtype", "bfloat16"},
          {"eos_token_id", 2}};
}

absl::StatusOr<ModelConfig> Parse(const Json& json) { return ModelConfig::Parse(json.dump()); }

ModelConfig Good(const Json& json) {
  auto config = Parse(json);
  EXPECT_TRUE(config.ok()) << config.status();
  return config.ok() ? *config : ModelConfig();
}

// The config with `changes` must be refused for `reason`, naming `name`.
void ExpectRefused(Json json, const Json& changes, Reason reason, const std::string& name) {
  json.update(changes);
  const absl::Status status = Parse(json).status();
  EXPECT_TRUE(HasReason(status, reason)) << status;
  EXPECT_NE(status.message().find(name), std::string::npos) << status;
}

TEST(ModelConfigTest, BothGenerationsSayTheSame) {
  Json older = Base("LlamaForCausalLM");
  older["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  Json newer = Base("LlamaForCausalLM");
  newer.erase("rope_theta");
  newer.erase("torch_dtype");
  newer["dtype"] = "bfloat16";
  newer["eos_token_id"] = {2, 7};
  newer["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 4.0}, {"rope_theta", 5000.0}};
  for (const Json& json : {older, newer}) {
    const ModelConfig config = Good(json);
    EXPECT_EQ(config.rope.kind, RopeKind::kLinear);
    EXPECT_EQ(config.rope.theta, 5000.0);
    EXPECT_EQ(config.rope.factor, 4.0);
    EXPECT_EQ(config.dtype, Dtype::kBfloat16);
    EXPECT_EQ(config.head_dim, 16);
  }
  EXPECT_EQ(Good(older).eos_token_ids, std::vector<TokenId>({2}));
  EXPECT_EQ(Good(newer).eos_token_ids, std::vector<TokenId>({2, 7}));
}

TEST(ModelConfigTest, FamiliesDifferWhereTheyShould) {
  const ModelConfig llama = Good(Base("LlamaForCausalLM"));
  EXPECT_FALSE(llama.qkv_bias || llama.output_bias || llama.mlp_bias || llama.qk_norm);
  EXPECT_EQ(llama.sliding_window, 0);
  const ModelConfig qwen2 = Good(Base("Qwen2ForCausalLM"));
  EXPECT_TRUE(qwen2.qkv_bias);
  EXPECT_FALSE(qwen2.output_bias);
  const ModelConfig qwen3 = Good(Base("Qwen3ForCausalLM"));
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_dim, 128);
  Json mistral = Base("MistralForCausalLM");
  mistral["sliding_window"] = 32;
  EXPECT_EQ(Good(mistral).sliding_window, 32);
  mistral["sliding_window"] = nullptr;
  EXPECT_EQ(Good(mistral).sliding_window, 0);
  mistral.erase("sliding_window");
  EXPECT_EQ(Good(mistral).sliding_window, 4096);
}

TEST(ModelConfigTest, QwenSlidesOnlyWhenAskedAndInAllLayers) {
  Json json = Base("Qwen2ForCausalLM");
  json["sliding_window"] = 32;
  json["max_window_layers"] = 0;
  EXPECT_EQ(Good(json).sliding_window, 0);
  json["use_sliding_window"] = true;
  EXPECT_EQ(Good(json).sliding_window, 32);
  json["max_window_layers"] = 4;
  EXPECT_EQ(Good(json).sliding_window, 0);
  ExpectRefused(json, {{"max_window_layers", 2}}, Reason::kUnsupportedOption, "sliding_window");
  ExpectRefused(json,
                {{"layer_types",
                  {"sliding_attention", "full_attention", "full_attention", "full_attention"}}},
                Reason::kUnsupportedOption, "sliding_window");
}

TEST(ModelConfigTest, YarnTakesItsAttentionFactorAsTransformersDoes) {
  Json json = Base("LlamaForCausalLM");
  json["rope_scaling"] = {
      {"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 128}};
  EXPECT_NEAR(Good(json).rope.attention_factor, 0.1 * std::log(4.0) + 1.0, 1e-12);
  json["rope_scaling"]["mscale"] = 2.0;
  json["rope_scaling"]["mscale_all_dim"] = 1.0;
  EXPECT_NEAR(Good(json).rope.attention_factor,
              (0.2 * std::log(4.0) + 1.0) / (0.1 * std::log(4.0) + 1.0), 1e-12);
  json["rope_scaling"]["attention_factor"] = 1.25;
  EXPECT_EQ(Good(json).rope.attention_factor, 1.25);
  json["rope_scaling"].erase("factor");
  EXPECT_EQ(Good(json).rope.factor, 4.0);
}

TEST(ModelConfigTest, WhatIsNotSupportedIsRefusedByName) {
  const Json base = Base("LlamaForCausalLM");
  const Reason reason = Reason::kUnsupportedOption;
  ExpectRefused(base, {{"architectures", {"MambaForCausalLM"}}}, reason, "MambaForCausalLM");
  ExpectRefused(base, {{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}, reason,
                "dynamic");
  ExpectRefused(base, {{"rope_scaling", {{"rope_type", "longrope"}}}}, reason, "longrope");
  ExpectRefused(base, {{"hidden_act", "gelu"}}, reason, "gelu");
  ExpectRefused(base, {{"quantization_config", {{"bits", 4}}}}, reason, "quantization_config");
  ExpectRefused(base, {{"partial_rotary_factor", 0.5}}, reason, "partial_rotary_factor");
}

TEST(ModelConfigTest, AMissingFieldIsNamed) {
  for (const char* field :
       {"vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers",
        "num_attention_heads", "max_position_embeddings", "rms_norm_eps", "architectures"}) {
    Json json = Base("LlamaForCausalLM");
    json.erase(field);
    ExpectRefused(json, Json::object(), Reason::kInvalidField, field);
  }
}

TEST(ModelConfigTest, AWrongValueIsNamed) {
  const Json base = Base("LlamaForCausalLM");
  ExpectRefused(base, {{"hidden_size", 0}}, Reason::kInvalidField, "hidden_size");
  ExpectRefused(base, {{"num_key_value_heads", 3}}, Reason::kInvalidField, "num_key_value_heads");
  ExpectRefused(base, {{"head_dim", 15}}, Reason::kInvalidField, "head_dim");
  // Derived: 1,024.
  ExpectRefused(base, {{"hidden_size", 4096}}, Reason::kInvalidField, "head_dim");
  ExpectRefused(base, {{"num_attention_heads", 5}}, Reason::kInvalidField, "num_attention_heads");
  ExpectRefused(base, {{"torch_dtype", "int8"}}, Reason::kInvalidField, "dtype");
  ExpectRefused(base, {{"rope_scaling", {{"type", "linear"}}}}, Reason::kInvalidField, "factor");
  ExpectRefused(base, {{"eos_token_id", "end"}}, Reason::kInvalidField, "eos_token_id");
}

}  // namespace
}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
// The parity tests notice a 5 % error in any one tensor: each kind is changed once and must push
// the logits beyond the bound that FamilyParityTest holds. Prints one row per kind.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/worker/model/model_probe.h"

namespace pintle::model {
namespace {

constexpr float kBound = 1e-4F;

struct Mutation {
  std::string kind;
  std::string model;
  std::string tensor;
};

void PrintTo(const Mutation& mutation, std::ostream* out) { *out << mutation.kind; }

std::vector<Mutation> Mutations() {
  const std::string attention = "model.layers.1.self_attn.";
  const std::string mlp = "model.layers.1.mlp.";
  return {{"embed", "llama_plain", "model.embed_tokens.weight"},
          {"q", "llama_plain", attention + "q_proj.weight"},
          {"k", "llama_plain", attention + "k_proj.weight"},
          {"v", "llama_plain", attention + "v_proj.weight"},
          {"o", "llama_plain", attention + "o_proj.weight"},
          {"gate", "llama_plain", mlp + "gate_proj.weight"},
          {"up", "llama_plain", mlp + "up_proj.weight"},
          {"down", "llama_plain", mlp + "down_proj.weight"},
          {"input_norm", "llama_plain", "model.layers.1.input_layernorm.weight"},
          {"post_norm", "llama_plain", "model.layers.1.post_attention_layernorm.weight"},
          {"final_norm", "llama_plain", "model.norm.weight"},
          {"q_norm", "qwen3_norms", attention + "q_norm.weight"},
          {"k_norm", "qwen3_norms", attention + "k_norm.weight"},
          {"q_bias", "qwen2_bias", attention + "q_proj.bias"},
          {"k_bias", "qwen2_bias", attention + "k_proj.bias"},
          {"v_bias", "qwen2_bias", attention + "v_proj.bias"},
          {"o_bias", "llama_tied_bias", attention + "o_proj.bias"},
          {"gate_bias", "llama_tied_bias", mlp + "gate_proj.bias"},
          {"up_bias", "llama_tied_bias", mlp + "up_proj.bias"},
          {"down_bias", "llama_tied_bias", mlp + "down_proj.bias"},
          {"head", "llama_plain", "lm_head.weight"}};
}

// The weights of a folder, each element of one tensor times 1.05 or 0.95.
class MutatedWeights final : public WeightSource {
 public:
  MutatedWeights(std::unique_ptr<WeightSource> source, std::string tensor)
      : source_(std::move(source)), tensor_(std::move(tensor)) {
    const auto original = source_->Find(tensor_);
    if (!original.ok()) return;
    values_ = ToFloats(*original);
    std::mt19937 random(20251);
    for (float& value : values_) value *= (random() & 1U) != 0 ? 1.05F : 0.95F;
    view_ = *original;
    view_.dtype = Dtype::kFloat32;
    view_.bytes = {reinterpret_cast<const std::byte*>(values_.data()),
                   values_.size() * sizeof(float)};
  }

  absl::StatusOr<TensorView> Find(absl::string_view name) const override {
    if (name == tensor_ && !values_.empty()) return view_;
    return source_->Find(name);
  }
  std::vector<std::string> Names() const override { return source_->Names(); }
  bool changed() const { return !values_.empty(); }

 private:
  const std::unique_ptr<WeightSource> source_;
  const std::string tensor_;
  std::vector<float> values_;
  TensorView view_;
};

class ParityMutationTest : public testing::TestWithParam<Mutation> {};

TEST_P(ParityMutationTest, FivePercentInOneTensorTurnsParityRed) {
  const Mutation& mutation = GetParam();
  const std::string folder = TinyFolder(mutation.model);
  TorchDecoderOptions options;
  options.dtype = "f32";
  const std::vector<TokenId> tokens = TinyTokens(mutation.model);
  const Logits reference = TinyReference(mutation.model);
  const auto error = [&](std::unique_ptr<WeightSource> weights) {
    ModelProbe probe =
        ModelProbe::OpenChanged(folder, ConfigOf(folder), std::move(weights), options);
    return MaxDifference(probe.LogitsOf(tokens, 128), reference);
  };
  auto mutated = std::make_unique<MutatedWeights>(WeightsOf(folder), mutation.tensor);
  ASSERT_TRUE(mutated->changed()) << mutation.tensor;
  const float before = error(nullptr);
  const float after = error(std::move(mutated));
  const bool passed = before <= kBound && after > kBound;
  std::printf("%-10s on %-16s logit error %.1e -> %.1e, bound %.0e: %s\n", mutation.kind.c_str(),
              mutation.model.c_str(), before, after, kBound, passed ? "green -> red PASS" : "FAIL");
  EXPECT_TRUE(passed);
}

INSTANTIATE_TEST_SUITE_P(Tensors, ParityMutationTest, testing::ValuesIn(Mutations()),
                         [](const auto& mutation) { return mutation.param.kind; });

}  // namespace
}  // namespace pintle::model

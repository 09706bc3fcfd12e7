// SPDX-License-Identifier: Apache-2.0
#include "tests/worker/model/random_weights.h"

#include <bit>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace pintle::model {

RandomWeights::RandomWeights(const ModelConfig& config) {
  const std::int64_t queries = std::int64_t{config.heads} * config.head_dim;
  const std::int64_t keys = std::int64_t{config.kv_heads} * config.head_dim;
  Add("model.embed_tokens.weight", {config.vocabulary, config.hidden});
  for (int i = 0; i < config.layers; ++i) {
    const std::string layer = absl::StrCat("model.layers.", i, ".");
    Add(layer + "input_layernorm.weight", {config.hidden});
    Add(layer + "self_attn.q_proj.weight", {queries, config.hidden});
    Add(layer + "self_attn.k_proj.weight", {keys, config.hidden});
    Add(layer + "self_attn.v_proj.weight", {keys, config.hidden});
    Add(layer + "self_attn.o_proj.weight", {config.hidden, queries});
    Add(layer + "post_attention_layernorm.weight", {config.hidden});
    Add(layer + "mlp.gate_proj.weight", {config.intermediate, config.hidden});
    Add(layer + "mlp.up_proj.weight", {config.intermediate, config.hidden});
    Add(layer + "mlp.down_proj.weight", {config.hidden, config.intermediate});
  }
  Add("model.norm.weight", {config.hidden});
  if (!config.tied_embeddings) Add("lm_head.weight", {config.vocabulary, config.hidden});
}

void RandomWeights::Add(const std::string& name, std::vector<std::int64_t> shape) {
  std::size_t elements = 1;
  for (const std::int64_t extent : shape) elements *= static_cast<std::size_t>(extent);
  const float middle = shape.size() == 1 ? 1.0F : 0.0F;
  Tensor tensor{std::move(shape), {}};
  tensor.values.reserve(elements);
  for (std::size_t i = 0; i < elements; ++i) {
    // Knuth's multiplier (TAOCP 3.3.4); the upper bits are the good ones.
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    const float unit = static_cast<float>(state_ >> 40) / static_cast<float>(1U << 24);
    const float value = middle + (unit - 0.5F) / 4;
    tensor.values.push_back(static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16));
  }
  tensors_.emplace(name, std::move(tensor));
}

absl::StatusOr<TensorView> RandomWeights::Find(absl::string_view name) const {
  const auto it = tensors_.find(std::string(name));
  if (it == tensors_.end()) return absl::NotFoundError(absl::StrCat(name, " does not exist"));
  const Tensor& tensor = it->second;
  const absl::Span<const std::byte> bytes(
      reinterpret_cast<const std::byte*>(tensor.values.data()),
      tensor.values.size() * sizeof(std::uint16_t));
  return TensorView{Dtype::kBfloat16, tensor.shape, bytes};
}

std::vector<std::string> RandomWeights::Names() const {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : tensors_) names.push_back(name);
  return names;
}

}  // namespace pintle::model

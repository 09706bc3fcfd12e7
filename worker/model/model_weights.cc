// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_weights.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle::model {
namespace {

// Finds tensors of one model and remembers the first fault.
class Resolver {
 public:
  explicit Resolver(const WeightSource& source) : source_(source) {}

  TensorView Take(const std::string& name, std::vector<std::int64_t> shape) {
    auto found = source_.Find(name);
    if (!found.ok()) {
      Fault(name, "is missing from the weight files");
      return {};
    }
    if (found->shape != shape) {
      Fault(name, absl::StrCat("has shape [", absl::StrJoin(found->shape, ", "), "], must be [",
                               absl::StrJoin(shape, ", "), "]"));
      return {};
    }
    std::size_t elements = 1;
    for (const std::int64_t extent : shape) elements *= static_cast<std::size_t>(extent);
    if (found->bytes.size() != elements * static_cast<std::size_t>(DtypeBytes(found->dtype))) {
      Fault(name, "does not hold as many bytes as its shape says");
      return {};
    }
    bytes_ += found->bytes.size();
    return *std::move(found);
  }

  LinearWeights Linear(const std::string& name, std::int64_t outputs, std::int64_t inputs,
                       bool bias) {
    LinearWeights linear;
    linear.weight = Take(name + ".weight", {outputs, inputs});
    if (bias) linear.bias = Take(name + ".bias", {outputs});
    return linear;
  }

  const absl::Status& status() const { return status_; }
  std::size_t bytes() const { return bytes_; }

 private:
  void Fault(const std::string& name, absl::string_view description) {
    if (status_.ok()) status_ = InvalidField(absl::StrCat("tensor ", name), description);
  }

  const WeightSource& source_;
  absl::Status status_;
  std::size_t bytes_ = 0;
};

LayerWeights ResolveLayer(const ModelConfig& config, int index, Resolver& resolver) {
  const std::string prefix = absl::StrCat("model.layers.", index, ".");
  const std::string attention = prefix + "self_attn.";
  const std::int64_t queries = std::int64_t{config.heads} * config.head_dim;
  const std::int64_t keys = std::int64_t{config.kv_heads} * config.head_dim;
  LayerWeights layer;
  layer.input_norm = resolver.Take(prefix + "input_layernorm.weight", {config.hidden});
  layer.q = resolver.Linear(attention + "q_proj", queries, config.hidden, config.qkv_bias);
  layer.k = resolver.Linear(attention + "k_proj", keys, config.hidden, config.qkv_bias);
  layer.v = resolver.Linear(attention + "v_proj", keys, config.hidden, config.qkv_bias);
  layer.o = resolver.Linear(attention + "o_proj", config.hidden, queries, config.output_bias);
  if (config.qk_norm) {
    layer.q_norm = resolver.Take(attention + "q_norm.weight", {config.head_dim});
    layer.k_norm = resolver.Take(attention + "k_norm.weight", {config.head_dim});
  }
  layer.post_norm = resolver.Take(prefix + "post_attention_layernorm.weight", {config.hidden});
  const std::string mlp = prefix + "mlp.";
  layer.gate =
      resolver.Linear(mlp + "gate_proj", config.intermediate, config.hidden, config.mlp_bias);
  layer.up = resolver.Linear(mlp + "up_proj", config.intermediate, config.hidden, config.mlp_bias);
  layer.down =
      resolver.Linear(mlp + "down_proj", config.hidden, config.intermediate, config.mlp_bias);
  return layer;
}

// IEEE half; LibTorch's own converter would pull ATen into this file.
float HalfToFloat(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000U) << 16;
  const std::uint32_t exponent = (half >> 10) & 0x1fU;
  const std::uint32_t fraction = half & 0x3ffU;
  if (exponent == 0) {
    const float magnitude = std::ldexp(static_cast<float>(fraction), -24);
    return sign != 0 ? -magnitude : magnitude;
  }
  const std::uint32_t wide = exponent == 31 ? 255U : exponent + 112U;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

}  // namespace

absl::StatusOr<ModelWeights> ModelWeights::Resolve(const ModelConfig& config,
                                                   const WeightSource& source) {
  Resolver resolver(source);
  ModelWeights weights;
  weights.embedding =
      resolver.Take("model.embed_tokens.weight", {config.vocabulary, config.hidden});
  for (int i = 0; i < config.layers; ++i) {
    weights.layers.push_back(ResolveLayer(config, i, resolver));
    PINTLE_RETURN_IF_ERROR(resolver.status());
  }
  weights.final_norm = resolver.Take("model.norm.weight", {config.hidden});
  weights.head = config.tied_embeddings
                     ? weights.embedding
                     : resolver.Take("lm_head.weight", {config.vocabulary, config.hidden});
  PINTLE_RETURN_IF_ERROR(resolver.status());
  weights.bytes = resolver.bytes();
  return weights;
}

float FloatAt(const TensorView& tensor, std::size_t index) {
  const std::byte* at =
      tensor.bytes.data() + index * static_cast<std::size_t>(DtypeBytes(tensor.dtype));
  if (tensor.dtype == Dtype::kFloat32) {
    float value = 0.0F;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof(bits));
  if (tensor.dtype == Dtype::kFloat16) return HalfToFloat(bits);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::vector<float> ToFloats(const TensorView& tensor) {
  std::vector<float> values(tensor.bytes.size() /
                            static_cast<std::size_t>(DtypeBytes(tensor.dtype)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = FloatAt(tensor, i);
  return values;
}

}  // namespace pintle::model

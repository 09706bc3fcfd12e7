// SPDX-License-Identifier: Apache-2.0
#include "worker/model/aten/tensor_forward.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>
#include <c10/core/InferenceMode.h>
#include <dlfcn.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "worker/model/aten/flash_attention.h"
#include "worker/model/aten/gather_attention.h"
#include "worker/model/rope_frequencies.h"

namespace pintle::model::aten {
namespace {

at::ScalarType ScalarOf(Dtype dtype) {
  switch (dtype) {
    case Dtype::kFloat32: return at::kFloat;
    case Dtype::kBfloat16: return at::kBFloat16;
    case Dtype::kFloat16: return at::kHalf;
    case Dtype::kInt8:
    case Dtype::kW8A8:
    case Dtype::kInt4: break;  // refused before: only the CPU kernels compute with them
  }
  return at::kFloat;
}

struct Linear {
  at::Tensor weight;
  std::optional<at::Tensor> bias;

  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }
};

struct Layer {
  at::Tensor input_norm;
  Linear q;
  Linear k;
  Linear v;
  at::Tensor q_norm;
  at::Tensor k_norm;
  Linear o;
  at::Tensor post_norm;
  Linear gate;
  Linear up;
  Linear down;
};

// See CreateTensorForward.
class TensorForward final : public ForwardPass {
 public:
  TensorForward(const ModelConfig& config, const ModelWeights& weights, at::TensorOptions options,
                std::unique_ptr<TensorAttention> attention)
      : config_(config), options_(options), attention_(std::move(attention)) {
    embedding_ = Upload(weights.embedding);
    head_ = config.tied_embeddings ? embedding_ : Upload(weights.head);
    final_norm_ = Upload(weights.final_norm);
    for (const LayerWeights& layer : weights.layers) layers_.push_back(UploadLayer(layer));
    const std::vector<float> frequencies = RopeInverseFrequencies(config.rope, config.head_dim);
    at::Tensor host = at::empty({static_cast<std::int64_t>(frequencies.size())}, at::kFloat);
    std::memcpy(host.data_ptr(), frequencies.data(), frequencies.size() * sizeof(float));
    inverse_frequencies_ = host.to(options.device());
  }

  AttentionBackend& Attention() override { return *attention_; }
  const AttentionBackend& Attention() const override { return *attention_; }
  std::string Kernels() const override { return "LibTorch on " + options_.device().str(); }
  int Threads() const override { return 1; }

  absl::Status Run(const StepBatch& batch, LogitsConsumer consume) override {
    const c10::InferenceMode guard;
    attention_->Begin(batch);
    std::vector<std::int64_t> tokens(batch.tokens.begin(), batch.tokens.end());
    std::vector<std::int64_t> positions(tokens.size());
    for (const SequenceSlice& slice : batch.slices) {
      for (std::int32_t i = 0; i < slice.rows; ++i) {
        positions[static_cast<std::size_t>(slice.first_row + i)] = slice.start + i;
      }
    }
    at::Tensor x = embedding_.index_select(0, OnDevice(tokens));
    const at::Tensor angles =
        OnDevice(positions).to(at::kFloat).unsqueeze(1) * inverse_frequencies_.unsqueeze(0);
    const at::Tensor cosines = (angles.cos() * config_.rope.attention_factor).unsqueeze(1);
    const at::Tensor sines = (angles.sin() * config_.rope.attention_factor).unsqueeze(1);
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      x = RunLayer(static_cast<std::int64_t>(i), x, cosines, sines);
    }
    Score(batch, x, consume);
    return absl::OkStatus();
  }

 private:
  at::Tensor Upload(const TensorView& view) const {
    at::Tensor host = at::empty(view.shape, ScalarOf(view.dtype));
    std::memcpy(host.data_ptr(), view.bytes.data(), view.bytes.size());
    return host.to(options_);
  }

  Linear UploadLinear(const LinearWeights& weights) const {
    Linear linear;
    linear.weight = Upload(weights.weight);
    if (!weights.bias.bytes.empty()) linear.bias = Upload(weights.bias);
    return linear;
  }

  Layer UploadLayer(const LayerWeights& weights) const {
    Layer layer;
    layer.input_norm = Upload(weights.input_norm);
    layer.q = UploadLinear(weights.q);
    layer.k = UploadLinear(weights.k);
    layer.v = UploadLinear(weights.v);
    if (config_.qk_norm) {
      layer.q_norm = Upload(weights.q_norm);
      layer.k_norm = Upload(weights.k_norm);
    }
    layer.o = UploadLinear(weights.o);
    layer.post_norm = Upload(weights.post_norm);
    layer.gate = UploadLinear(weights.gate);
    layer.up = UploadLinear(weights.up);
    layer.down = UploadLinear(weights.down);
    return layer;
  }

  at::Tensor OnDevice(const std::vector<std::int64_t>& values) const {
    at::Tensor host = at::empty({static_cast<std::int64_t>(values.size())}, at::kLong);
    std::memcpy(host.data_ptr(), values.data(), values.size() * sizeof(std::int64_t));
    return host.to(options_.device());
  }

  at::Tensor Normalize(const at::Tensor& x, const at::Tensor& weight) const {
    const at::Tensor wide = x.to(at::kFloat);
    const at::Tensor mean = wide.square().mean(-1, /*keepdim=*/true);
    return (wide * (mean + config_.norm_epsilon).rsqrt()).to(x.scalar_type()) * weight;
  }

  static at::Tensor Rotate(const at::Tensor& x, const at::Tensor& cosines,
                           const at::Tensor& sines) {
    const std::int64_t half = x.size(-1) / 2;
    const at::Tensor a = x.narrow(-1, 0, half).to(at::kFloat);
    const at::Tensor b = x.narrow(-1, half, half).to(at::kFloat);
    return at::cat({a * cosines - b * sines, b * cosines + a * sines}, -1).to(x.scalar_type());
  }

  at::Tensor RunLayer(std::int64_t index, const at::Tensor& x, const at::Tensor& cosines,
                      const at::Tensor& sines) {
    const Layer& layer = layers_[static_cast<std::size_t>(index)];
    const at::Tensor a = Normalize(x, layer.input_norm);
    at::Tensor q = layer.q(a).view({-1, config_.heads, config_.head_dim});
    at::Tensor k = layer.k(a).view({-1, config_.kv_heads, config_.head_dim});
    const at::Tensor v = layer.v(a).view({-1, config_.kv_heads, config_.head_dim});
    if (config_.qk_norm) {
      q = Normalize(q, layer.q_norm);
      k = Normalize(k, layer.k_norm);
    }
    const at::Tensor attended =
        attention_->Attend(index, Rotate(q, cosines, sines), Rotate(k, cosines, sines), v);
    const at::Tensor h = x + layer.o(attended.reshape({-1, config_.heads * config_.head_dim}));
    const at::Tensor b = Normalize(h, layer.post_norm);
    return h + layer.down(at::silu(layer.gate(b)) * layer.up(b));
  }

  void Score(const StepBatch& batch, const at::Tensor& x, LogitsConsumer consume) const {
    if (batch.samples.empty()) return;
    std::vector<std::int64_t> rows;
    for (const SampleRequest& sample : batch.samples) rows.push_back(sample.row);
    const at::Tensor a = Normalize(x.index_select(0, OnDevice(rows)), final_norm_);
    at::Tensor logits = at::linear(a, head_).to(at::kFloat).cpu().contiguous();
    const auto width = static_cast<std::size_t>(config_.vocabulary);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      consume(0, i, absl::MakeSpan(logits.mutable_data_ptr<float>() + i * width, width));
    }
  }

  const ModelConfig& config_;
  const at::TensorOptions options_;
  const std::unique_ptr<TensorAttention> attention_;
  at::Tensor embedding_;
  at::Tensor head_;
  at::Tensor final_norm_;
  at::Tensor inverse_frequencies_;
  std::vector<Layer> layers_;
};

// One binary serves machines with and without a GPU: CUDA's half of LibTorch comes when asked for.
absl::Status LoadCuda() {
  if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr || !at::hasCUDA()) {
    return MakeError(Reason::kUnsupportedOption,
                     "device cuda: this machine has no usable GPU or no libtorch_cuda.so");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ForwardPass>> CreateTensorForward(
    const ModelConfig& config, const ModelWeights& weights, const TensorForwardOptions& options) {
  const c10::InferenceMode guard;
  const at::Device device(options.device);
  if (device.is_cuda()) {
    if (absl::Status status = LoadCuda(); !status.ok()) return status;
  } else {
    at::set_num_threads(options.threads);
  }
  const auto tensors = at::TensorOptions().device(device).dtype(ScalarOf(options.dtype));
  const auto kv = tensors.dtype(ScalarOf(options.kv_dtype));
  std::unique_ptr<TensorAttention> attention;
  if (device.is_cuda() && options.kv_dtype != Dtype::kFloat32) {
    attention = std::make_unique<FlashAttention>(config, kv);
  } else {
    attention = std::make_unique<GatherAttention>(config, kv);
  }
  return std::make_unique<TensorForward>(config, weights, tensors, std::move(attention));
}

}  // namespace pintle::model::aten

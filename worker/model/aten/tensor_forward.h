// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_ATEN_TENSOR_FORWARD_H_
#define PINTLE_WORKER_MODEL_ATEN_TENSOR_FORWARD_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "worker/model/forward_pass.h"
#include "worker/model/model_config.h"
#include "worker/model/model_weights.h"

namespace pintle::model::aten {

struct TensorForwardOptions {
  std::string device = "cpu";  // or "cuda:N"
  Dtype dtype = Dtype::kFloat32;
  Dtype kv_dtype = Dtype::kFloat32;
  int threads = 1;  // of LibTorch's own pool, on the CPU; there is one per process
};

// The forward pass in LibTorch operations: what a GPU runs, and on a CPU a second opinion for
// tests. On CUDA with half-width KV it attends with LibTorch's paged flash attention, otherwise by
// gathering blocks. `config` and what `weights` points to must outlive it.
// UNSUPPORTED_OPTION without a usable GPU. Throws what LibTorch throws; TorchDecoder catches it.
absl::StatusOr<std::unique_ptr<ForwardPass>> CreateTensorForward(
    const ModelConfig& config, const ModelWeights& weights, const TensorForwardOptions& options);

}  // namespace pintle::model::aten

#endif  // PINTLE_WORKER_MODEL_ATEN_TENSOR_FORWARD_H_

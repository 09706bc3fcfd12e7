// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_MODEL_WEIGHTS_H_
#define PINTLE_WORKER_MODEL_MODEL_WEIGHTS_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "worker/model/model_config.h"
#include "worker/model/weight_source.h"

namespace pintle::model {

// A matrix [outputs, inputs] and its bias; an absent bias has no bytes.
struct LinearWeights {
  TensorView weight;
  TensorView bias;
};

struct LayerWeights {
  TensorView input_norm;
  LinearWeights q;
  LinearWeights k;
  LinearWeights v;
  LinearWeights o;
  TensorView q_norm;  // only with ModelConfig::qk_norm
  TensorView k_norm;
  TensorView post_norm;
  LinearWeights gate;
  LinearWeights up;
  LinearWeights down;
};

// Every tensor a model needs, found by its Hugging Face name and checked for shape.
// Thread: plain data. Owns nothing: views borrow from the source.
// Fails: Resolve returns INVALID_FIELD naming the tensor that is missing or misshapen.
struct ModelWeights {
  TensorView embedding;
  std::vector<LayerWeights> layers;
  TensorView final_norm;
  TensorView head;  // the embedding itself when tied
  std::size_t bytes = 0;

  static absl::StatusOr<ModelWeights> Resolve(const ModelConfig& config,
                                              const WeightSource& source);
};

// The values of a small tensor (norm, bias) as f32.
std::vector<float> ToFloats(const TensorView& tensor);
// One element as f32.
float FloatAt(const TensorView& tensor, std::size_t index);

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_MODEL_WEIGHTS_H_

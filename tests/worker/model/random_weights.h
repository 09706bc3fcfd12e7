// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_MODEL_RANDOM_WEIGHTS_H_
#define PINTLE_TESTS_WORKER_MODEL_RANDOM_WEIGHTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "worker/model/model_config.h"
#include "worker/model/weight_source.h"

namespace pintle::model {

// bf16 tensors for every name a Llama of `config`'s shape has, the same numbers in every run:
// matrices near zero, norms near one. For tests that need a whole model but no folder.
// Thread: any after construction. Owns the numbers. Fails: Find as its interface says.
class RandomWeights final : public WeightSource {
 public:
  explicit RandomWeights(const ModelConfig& config);

  absl::StatusOr<TensorView> Find(absl::string_view name) const override;
  std::vector<std::string> Names() const override;

 private:
  struct Tensor {
    std::vector<std::int64_t> shape;
    std::vector<std::uint16_t> values;
  };
  void Add(const std::string& name, std::vector<std::int64_t> shape);

  std::uint64_t state_ = 1;
  std::map<std::string, Tensor, std::less<>> tensors_;
};

}  // namespace pintle::model

#endif  // PINTLE_TESTS_WORKER_MODEL_RANDOM_WEIGHTS_H_

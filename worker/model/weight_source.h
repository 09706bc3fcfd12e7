// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_WEIGHT_SOURCE_H_
#define PINTLE_WORKER_MODEL_WEIGHT_SOURCE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "worker/model/dtype.h"

namespace pintle::model {

// One tensor as a file holds it: row-major, little-endian, borrowed from its source.
struct TensorView {
  Dtype dtype = Dtype::kFloat32;
  std::vector<std::int64_t> shape;
  absl::Span<const std::byte> bytes;
};

// Where a model's tensors come from. Views live as long as the source.
// Thread: Find may be called from any thread.
// Fails: Find returns NOT_FOUND for a name the source lacks.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual absl::StatusOr<TensorView> Find(absl::string_view name) const = 0;
  virtual std::vector<std::string> Names() const = 0;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_WEIGHT_SOURCE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_SAFETENSORS_WEIGHTS_H_
#define PINTLE_WORKER_MODEL_SAFETENSORS_WEIGHTS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "worker/model/weight_source.h"
#include "worker/text/bridge/safetensors_file.h"

namespace pintle::model {

// The tensors of one or several safetensors files.
// Thread: immutable after Open. Owns the files' mappings.
// Fails: Open returns INVALID_FIELD naming the file for damage, for a tensor two files hold and for
// a dtype the decoder cannot read.
class SafetensorsWeights final : public WeightSource {
 public:
  // `files` are names inside `folder`.
  static absl::StatusOr<std::unique_ptr<SafetensorsWeights>> Open(
      const std::string& folder, const std::vector<std::string>& files);

  absl::StatusOr<TensorView> Find(absl::string_view name) const override;
  std::vector<std::string> Names() const override;

  // Whole files in the order they were named, for hashing.
  std::vector<absl::Span<const std::byte>> Files() const;

 private:
  SafetensorsWeights() = default;

  std::vector<std::unique_ptr<text::SafetensorsFile>> files_;
  absl::flat_hash_map<std::string, TensorView> tensors_;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_SAFETENSORS_WEIGHTS_H_

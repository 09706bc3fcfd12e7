// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_MODEL_FOLDER_H_
#define PINTLE_WORKER_MODEL_MODEL_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/generation_defaults.h"
#include "worker/model/model_config.h"
#include "worker/model/safetensors_weights.h"

namespace pintle::model {

// A Hugging Face folder as it is: config.json, generation_config.json if there, and the weights
// (model.safetensors, or the shards that model.safetensors.index.json names), memory-mapped.
// Thread: confined to the loading thread. Owns the mappings until TakeWeights.
// Fails: Open returns MODEL_NOT_FOUND for a missing folder or file, INVALID_FIELD or
// UNSUPPORTED_OPTION for what is in it; messages name files, never paths.
class ModelFolder {
 public:
  static absl::StatusOr<ModelFolder> Open(const std::string& path);

  const std::string& name() const { return name_; }
  const ModelConfig& config() const { return config_; }
  const ModelDefaults& defaults() const { return defaults_; }

  // 32 hex digits over config.json, tokenizer.json, the weight files' bytes and `dtype`; reads
  // every byte once on `threads` threads, which also brings the files into memory for packing.
  std::string Fingerprint(absl::string_view dtype, int threads) const;

  std::unique_ptr<WeightSource> TakeWeights() { return std::move(weights_); }

 private:
  ModelFolder() = default;

  std::string name_;
  std::string config_text_;
  std::string tokenizer_text_;
  ModelConfig config_;
  ModelDefaults defaults_;
  std::unique_ptr<SafetensorsWeights> weights_;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_MODEL_FOLDER_H_

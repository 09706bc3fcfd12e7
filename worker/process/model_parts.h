// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_MODEL_PARTS_H_
#define PINTLE_WORKER_PROCESS_MODEL_PARTS_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "contract/generation_defaults.h"
#include "contract/model_info.h"
#include "worker/model/seam/decoder.h"
#include "worker/process/worker_options.h"
#include "worker/text/seam/text_model.h"

namespace pintle {

// A loaded model as a worker process takes it: who computes, who writes, and what it is.
struct ModelParts {
  ModelInfo info;
  ModelDefaults defaults;
  std::unique_ptr<text::TextModel> text;
  std::unique_ptr<Decoder> decoder;
  // See TurnEnvironment.
  bool merge_chunks = true;
};

// Loads the model of --model; LibTorch's in the real worker, a fake in process tests.
using ModelLoader = std::function<absl::StatusOr<ModelParts>(const WorkerOptions& options)>;

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_MODEL_PARTS_H_

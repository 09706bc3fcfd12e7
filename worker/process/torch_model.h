// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_TORCH_MODEL_H_
#define PINTLE_WORKER_PROCESS_TORCH_MODEL_H_

#include "worker/process/model_parts.h"

namespace pintle {

// Loads the Hugging Face folder of --model with LibTorch, telling its progress on standard error
// when that is a terminal. Errors name the file or the option at fault.
absl::StatusOr<ModelParts> LoadTorchModel(const WorkerOptions& options);

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_TORCH_MODEL_H_

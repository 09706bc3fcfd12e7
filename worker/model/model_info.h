// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_MODEL_INFO_H_
#define PINTLE_WORKER_MODEL_MODEL_INFO_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "contract/generation_defaults.h"
#include "contract/ids.h"

namespace pintle::model {

// What others may know of a loaded model. Plain data; compiles without LibTorch.
struct ModelInfo {
  std::string name;          // the folder's last part unless named by the caller
  std::string architecture;  // as in config.json
  std::string fingerprint;   // 32 hex digits (design section 1)
  Position context_tokens = 0;
  std::int32_t vocabulary = 0;
  std::vector<TokenId> eos_token_ids;
  ModelDefaults defaults;
  std::size_t weight_bytes = 0;  // in the files
  std::string device;            // "cpu" or "cuda:N"
  std::string dtype;             // of the weights as loaded
  std::string kv_dtype;
  std::string kernels;  // what computes: instruction set and dtypes, or the device
  // Rows have the same bits whatever shares their step: true of our own kernels, not of LibTorch's.
  bool batch_invariant = false;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_MODEL_INFO_H_

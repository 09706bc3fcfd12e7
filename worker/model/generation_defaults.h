// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_GENERATION_DEFAULTS_H_
#define PINTLE_WORKER_MODEL_GENERATION_DEFAULTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "contract/ids.h"

namespace pintle::model {

// What the model's folder says of requests that leave an option unset. Plain data.
struct GenerationDefaults {
  // generation_config.json's when do_sample, 0 when it says false, 1.0 when it is silent.
  float temperature = 1.0F;
  std::int32_t top_k = 0;
  float top_p = 1.0F;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;
  std::optional<std::int32_t> max_new_tokens;
  // generation_config.json's when given, else config.json's.
  std::vector<TokenId> eos_token_ids;
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_GENERATION_DEFAULTS_H_

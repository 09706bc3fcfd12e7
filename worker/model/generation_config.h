// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_GENERATION_CONFIG_H_
#define PINTLE_WORKER_MODEL_GENERATION_CONFIG_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/generation_defaults.h"
#include "contract/ids.h"

namespace pintle::model {

// Reads generation_config.json; empty text means the folder has none. `eos_token_ids` are
// config.json's, used when the file names none. INVALID_FIELD naming the faulty field.
absl::StatusOr<ModelDefaults> ParseGenerationConfig(absl::string_view json_text,
                                                    const std::vector<TokenId>& eos_token_ids);

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_GENERATION_CONFIG_H_

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/generation_config.h"

#include "contract/limits.h"
#include "contract/status_macros.h"
#include "worker/model/json_fields.h"

namespace pintle::model {

absl::StatusOr<GenerationDefaults> ParseGenerationConfig(
    absl::string_view json_text, const std::vector<TokenId>& eos_token_ids) {
  GenerationDefaults defaults;
  defaults.eos_token_ids = eos_token_ids;
  if (json_text.empty()) return defaults;
  PINTLE_ASSIGN_OR_RETURN(const nlohmann::json json,
                          ParseJsonObject(json_text, "generation_config.json"));
  JsonFields fields(json, "generation_config.");
  if (fields.Has("do_sample") && !fields.BoolOr("do_sample", true)) {
    defaults.temperature = 0.0F;
  } else if (fields.BoolOr("do_sample", false)) {
    defaults.temperature = static_cast<float>(fields.NumberOr("temperature", 1.0));
    defaults.top_k = fields.WholeOr("top_k", INT32_MAX, 0);
    defaults.top_p = static_cast<float>(fields.NumberOr("top_p", 1.0));
    defaults.min_p = static_cast<float>(fields.NumberOr("min_p", 0.0));
  }
  defaults.repetition_penalty = static_cast<float>(fields.NumberOr("repetition_penalty", 1.0));
  if (fields.Has("max_new_tokens")) {
    defaults.max_new_tokens = fields.CountOr("max_new_tokens", INT32_MAX, 1);
  }
  if (fields.Has("eos_token_id")) defaults.eos_token_ids = fields.Ids("eos_token_id");
  if (defaults.temperature < 0.0F || defaults.temperature > limits::kTemperatureMax) {
    fields.Fault("temperature", "is out of range");
  }
  if (defaults.top_p <= 0.0F || defaults.top_p > 1.0F) fields.Fault("top_p", "must be in (0, 1]");
  if (defaults.min_p < 0.0F || defaults.min_p > 1.0F) fields.Fault("min_p", "must be in [0, 1]");
  if (defaults.repetition_penalty <= 0.0F) {
    fields.Fault("repetition_penalty", "must be positive");
  }
  PINTLE_RETURN_IF_ERROR(fields.status());
  return defaults;
}

}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/generation_config.h"

#include "contract/status_macros.h"
#include "worker/model/json_fields.h"

namespace pintle::model {

absl::StatusOr<ModelDefaults> ParseGenerationConfig(
    absl::string_view json_text, const std::vector<TokenId>& eos_token_ids) {
  ModelDefaults defaults;
  defaults.eos_token_ids = eos_token_ids;
  if (json_text.empty()) return defaults;
  PINTLE_ASSIGN_OR_RETURN(const nlohmann::json json,
                          ParseJsonObject(json_text, "generation_config.json"));
  JsonFields fields(json, "generation_config.");
  if (fields.Has("do_sample")) defaults.do_sample = fields.BoolOr("do_sample", false);
  // A folder that is silent about sampling means none of what shapes it.
  if (defaults.do_sample == true) {
    defaults.temperature = static_cast<float>(fields.NumberOr("temperature", 1.0));
    defaults.top_k = fields.WholeOr("top_k", INT32_MAX, 0);
    defaults.top_p = static_cast<float>(fields.NumberOr("top_p", 1.0));
    defaults.min_p = static_cast<float>(fields.NumberOr("min_p", 0.0));
  }
  if (fields.Has("repetition_penalty")) {
    defaults.repetition_penalty = static_cast<float>(fields.NumberOr("repetition_penalty", 1.0));
  }
  if (fields.Has("max_new_tokens")) {
    defaults.max_new_tokens = fields.CountOr("max_new_tokens", INT32_MAX, 1);
  }
  if (fields.Has("eos_token_id")) defaults.eos_token_ids = fields.Ids("eos_token_id");
  PINTLE_RETURN_IF_ERROR(fields.status());
  PINTLE_RETURN_IF_ERROR(defaults.Validate());
  return defaults;
}

}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_MODEL_CONFIG_H_
#define PINTLE_WORKER_MODEL_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/ids.h"
#include "worker/model/dtype.h"

namespace pintle::model {

enum class RopeKind { kDefault, kLinear, kLlama3, kYarn };

// How positions become rotation angles, from either generation of config.json.
struct RopeConfig {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000.0;
  double factor = 1.0;
  // llama3 and yarn: the context the frequencies were trained for.
  double original_positions = 0.0;
  double low_frequency_factor = 1.0;   // llama3
  double high_frequency_factor = 4.0;  // llama3
  double beta_fast = 32.0;             // yarn
  double beta_slow = 1.0;              // yarn
  bool truncate = true;                // yarn: round the ramp's ends to whole dimensions
  double attention_factor = 1.0;       // yarn: multiplies cos and sin
};

// What a decoder needs to know of a Hugging Face folder's config.json, checked and with all
// defaults filled in. Plain data, safe anywhere.
// Fails: Parse refuses what the decoder cannot do with UNSUPPORTED_OPTION and the option's name,
// and a missing or wrong field with INVALID_FIELD and the field's name.
struct ModelConfig {
  std::string architecture;
  std::int32_t vocabulary = 0;
  std::int32_t hidden = 0;
  std::int32_t intermediate = 0;
  std::int32_t layers = 0;
  std::int32_t heads = 0;
  std::int32_t kv_heads = 0;
  std::int32_t head_dim = 0;
  Position context_tokens = 0;
  float norm_epsilon = 0.0F;
  RopeConfig rope;
  // A row sees this many positions, its own included; 0 = all.
  std::int32_t sliding_window = 0;
  bool qkv_bias = false;
  bool output_bias = false;  // of the attention's output projection
  bool mlp_bias = false;
  bool qk_norm = false;
  bool tied_embeddings = false;
  Dtype dtype = Dtype::kFloat32;
  std::vector<TokenId> eos_token_ids;

  static absl::StatusOr<ModelConfig> Parse(absl::string_view json_text);
};

}  // namespace pintle::model

#endif  // PINTLE_WORKER_MODEL_MODEL_CONFIG_H_

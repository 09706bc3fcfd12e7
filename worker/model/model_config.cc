// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_config.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/model/json_fields.h"

namespace pintle::model {
namespace {

// Bounds against absurd files: ten times the largest published dense models.
constexpr std::int64_t kVocabularyMax = 1 << 22;
constexpr std::int64_t kHiddenMax = 1 << 18;
constexpr std::int64_t kIntermediateMax = 1 << 20;
constexpr std::int64_t kLayersMax = 1024;
constexpr std::int64_t kHeadsMax = 4096;
constexpr std::int64_t kHeadDimMax = 512;  // the attention kernel's scratch rows
constexpr std::int64_t kContextMax = 1 << 24;

enum class Family { kLlama, kMistral, kQwen2, kQwen3 };

absl::Status Unsupported(absl::string_view option) {
  return MakeError(Reason::kUnsupportedOption,
                   absl::StrCat("config.json: ", option, " is not supported"));
}

absl::StatusOr<Family> FamilyOf(const std::string& architecture) {
  if (architecture == "LlamaForCausalLM") return Family::kLlama;
  if (architecture == "MistralForCausalLM") return Family::kMistral;
  if (architecture == "Qwen2ForCausalLM") return Family::kQwen2;
  if (architecture == "Qwen3ForCausalLM") return Family::kQwen3;
  return Unsupported(absl::StrCat("architecture ", architecture));
}

absl::StatusOr<std::string> ArchitectureOf(const nlohmann::json& json) {
  const auto it = json.find("architectures");
  if (it == json.end() || !it->is_array() || it->size() != 1 || !(*it)[0].is_string()) {
    return InvalidField("architectures", "must be a list of one name");
  }
  return (*it)[0].get<std::string>();
}

double Mscale(double scale, double mscale) {
  return scale <= 1.0 ? 1.0 : 0.1 * mscale * std::log(scale) + 1.0;
}

// transformers' rule: an explicit factor wins, else the two mscales' ratio, else the paper's.
double YarnAttentionFactor(JsonFields& fields, double factor) {
  if (const auto given = fields.MaybeNumber("attention_factor")) return *given;
  const double mscale = fields.NumberOr("mscale", 0.0);
  const double mscale_all_dim = fields.NumberOr("mscale_all_dim", 0.0);
  if (mscale != 0.0 && mscale_all_dim != 0.0) {
    return Mscale(factor, mscale) / Mscale(factor, mscale_all_dim);
  }
  return Mscale(factor, 1.0);
}

absl::Status ReadScaling(JsonFields& fields, JsonFields& top, Position context, RopeConfig& rope) {
  const std::string type = fields.TextOr("rope_type", fields.TextOr("type", "default"));
  PINTLE_RETURN_IF_ERROR(fields.status());
  if (fields.NumberOr("partial_rotary_factor", 1.0) != 1.0) {
    return Unsupported("partial_rotary_factor other than 1");
  }
  if (type == "default") return absl::OkStatus();
  if (type != "linear" && type != "llama3" && type != "yarn") {
    return Unsupported(absl::StrCat("rope scaling ", type));
  }
  const double original = fields.NumberOr("original_max_position_embeddings", context);
  rope.original_positions = top.NumberOr("original_max_position_embeddings", original);
  if (type == "yarn" && !fields.Has("factor")) {
    rope.factor = context / rope.original_positions;
  } else {
    rope.factor = fields.Number("factor");
  }
  if (rope.factor <= 0.0) fields.Fault("factor", "must be positive");
  if (rope.original_positions <= 0.0) {
    fields.Fault("original_max_position_embeddings", "must be positive");
  }
  if (type == "linear") {
    rope.kind = RopeKind::kLinear;
  } else if (type == "llama3") {
    rope.kind = RopeKind::kLlama3;
    rope.low_frequency_factor = fields.Number("low_freq_factor");
    rope.high_frequency_factor = fields.Number("high_freq_factor");
    if (rope.low_frequency_factor <= 0.0 ||
        rope.high_frequency_factor <= rope.low_frequency_factor) {
      fields.Fault("high_freq_factor", "must exceed low_freq_factor, both positive");
    }
  } else {
    rope.kind = RopeKind::kYarn;
    rope.attention_factor = YarnAttentionFactor(fields, rope.factor);
    rope.beta_fast = fields.NumberOr("beta_fast", 32.0);
    rope.beta_slow = fields.NumberOr("beta_slow", 1.0);
    rope.truncate = fields.BoolOr("truncate", true);
  }
  return fields.status();
}

// rope_theta + rope_scaling {type | rope_type} is the older generation, rope_parameters the newer.
absl::StatusOr<RopeConfig> ReadRope(JsonFields& top, Position context) {
  RopeConfig rope;
  rope.theta = top.NumberOr("rope_theta", 10000.0);
  if (top.NumberOr("partial_rotary_factor", 1.0) != 1.0) {
    return Unsupported("partial_rotary_factor other than 1");
  }
  const char* name = top.Has("rope_scaling") ? "rope_scaling" : "rope_parameters";
  if (top.Has(name)) {
    if (!top.IsObject(name)) return InvalidField(name, "is no JSON object");
    if (top.At(name).contains("full_attention") || top.At(name).contains("sliding_attention")) {
      return Unsupported(absl::StrCat(name, " that differ by layer"));
    }
    JsonFields fields(top.At(name), absl::StrCat(name, "."));
    rope.theta = fields.NumberOr("rope_theta", rope.theta);
    PINTLE_RETURN_IF_ERROR(ReadScaling(fields, top, context, rope));
    PINTLE_RETURN_IF_ERROR(fields.status());
  }
  if (rope.theta <= 1.0) return InvalidField("rope_theta", "must exceed 1");
  return rope;
}

// Which layers slide, from layer_types or Qwen's max_window_layers. All or none: v1 has one
// cache group.
absl::StatusOr<std::int32_t> ReadWindow(Family family, JsonFields& top, std::int32_t layers) {
  if (family == Family::kLlama) return 0;
  const bool qwen = family != Family::kMistral;
  if (qwen && !top.BoolOr("use_sliding_window", false)) return 0;
  // transformers' default where the key is absent; null means no window.
  const std::int32_t window =
      top.Contains("sliding_window") ? top.WholeOr("sliding_window", INT32_MAX, 0) : 4096;
  if (window == 0) return 0;
  std::int32_t sliding = layers;
  if (top.Has("layer_types") && qwen) {
    const auto& types = top.At("layer_types");
    sliding = 0;
    for (const auto& type : types) sliding += type == "sliding_attention" ? 1 : 0;
  } else if (qwen) {
    sliding = layers - std::min(layers, top.WholeOr("max_window_layers", kLayersMax, 28));
  }
  if (sliding != 0 && sliding != layers) {
    return Unsupported("a mix of sliding_window and full attention layers (max_window_layers)");
  }
  return sliding == 0 ? 0 : window;
}

absl::Status RefuseUnsupported(JsonFields& top) {
  const std::string activation = top.TextOr("hidden_act", "silu");
  if (activation != "silu" && activation != "swish") {
    return Unsupported(absl::StrCat("hidden_act ", activation));
  }
  for (const char* name : {"quantization_config", "compression_config"}) {
    if (top.Has(name)) return Unsupported(name);
  }
  return top.status();
}

absl::Status CheckShape(const ModelConfig& config) {
  if (config.heads % config.kv_heads != 0) {
    return InvalidField("num_key_value_heads",
                        absl::StrCat("is ", config.kv_heads, ", must divide ", config.heads));
  }
  if (config.head_dim % 2 != 0) {
    return InvalidField("head_dim", absl::StrCat("is ", config.head_dim, ", must be even"));
  }
  // Derived from the widths where the file does not say.
  if (config.head_dim > kHeadDimMax) {
    return InvalidField("head_dim", absl::StrCat("is ", config.head_dim, ", limit ", kHeadDimMax));
  }
  if (config.hidden % 2 != 0 || config.intermediate % 2 != 0) {
    return InvalidField("hidden_size", "and intermediate_size must be even");
  }
  return absl::OkStatus();
}

absl::StatusOr<Dtype> ReadDtype(JsonFields& top) {
  PINTLE_ASSIGN_OR_RETURN(
      const Dtype dtype, ParseDtype(top.TextOr("dtype", top.TextOr("torch_dtype", "float32"))));
  if (IsQuantised(dtype)) {
    return InvalidField("dtype",
                        "is no dtype of a file, must be bf16, f16 or f32; --dtype quantises those");
  }
  return dtype;
}

void ReadShape(JsonFields& top, ModelConfig& config) {
  config.vocabulary = top.Count("vocab_size", kVocabularyMax);
  config.hidden = top.Count("hidden_size", kHiddenMax);
  config.intermediate = top.Count("intermediate_size", kIntermediateMax);
  config.layers = top.Count("num_hidden_layers", kLayersMax);
  config.heads = top.Count("num_attention_heads", kHeadsMax);
  config.kv_heads = top.CountOr("num_key_value_heads", kHeadsMax, config.heads);
  config.context_tokens = top.Count("max_position_embeddings", kContextMax);
  config.norm_epsilon = static_cast<float>(top.Number("rms_norm_eps"));
}

}  // namespace

absl::StatusOr<ModelConfig> ModelConfig::Parse(absl::string_view json_text) {
  PINTLE_ASSIGN_OR_RETURN(const nlohmann::json json, ParseJsonObject(json_text, "config.json"));
  ModelConfig config;
  PINTLE_ASSIGN_OR_RETURN(config.architecture, ArchitectureOf(json));
  PINTLE_ASSIGN_OR_RETURN(const Family family, FamilyOf(config.architecture));
  JsonFields top(json, "");
  PINTLE_RETURN_IF_ERROR(RefuseUnsupported(top));
  ReadShape(top, config);
  PINTLE_RETURN_IF_ERROR(top.status());
  // Qwen3's head_dim is 128 by transformers' default, not derived.
  const bool derived = family != Family::kQwen3;
  if (derived && !top.Has("head_dim") && config.hidden % config.heads != 0) {
    return InvalidField("num_attention_heads", "must divide hidden_size when head_dim is absent");
  }
  config.head_dim =
      top.CountOr("head_dim", kHeadDimMax, derived ? config.hidden / config.heads : 128);
  PINTLE_ASSIGN_OR_RETURN(config.rope, ReadRope(top, config.context_tokens));
  PINTLE_ASSIGN_OR_RETURN(config.sliding_window, ReadWindow(family, top, config.layers));
  PINTLE_ASSIGN_OR_RETURN(config.dtype, ReadDtype(top));
  const bool attention_bias =
      family != Family::kQwen2 && family != Family::kMistral && top.BoolOr("attention_bias", false);
  config.qkv_bias = family == Family::kQwen2 || attention_bias;
  config.output_bias = attention_bias;
  config.mlp_bias = family == Family::kLlama && top.BoolOr("mlp_bias", false);
  config.qk_norm = family == Family::kQwen3;
  config.tied_embeddings = top.BoolOr("tie_word_embeddings", false);
  config.eos_token_ids = top.Ids("eos_token_id");
  PINTLE_RETURN_IF_ERROR(top.status());
  PINTLE_RETURN_IF_ERROR(CheckShape(config));
  return config;
}

}  // namespace pintle::model

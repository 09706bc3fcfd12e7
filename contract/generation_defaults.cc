// SPDX-License-Identifier: Apache-2.0
#include "contract/generation_defaults.h"

#include <algorithm>
#include <array>

#include "contract/check.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

// The value of the first that has one.
template <typename T>
T First(const std::optional<T>& client, const std::optional<T>& model, T otherwise) {
  return client ? *client : model.value_or(otherwise);
}

std::optional<float> ModelTemperature(const ModelDefaults& defaults) {
  if (defaults.do_sample == false) return 0.0F;
  return defaults.temperature;
}

std::vector<TokenId> SortedUnique(std::vector<TokenId> ids) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

constexpr std::array kRows = {
    DefaultRow{"sampling.temperature", "temperature", "1"},
    DefaultRow{"sampling.top_k", "top_k", "0"},
    DefaultRow{"sampling.top_p", "top_p", "1"},
    DefaultRow{"sampling.min_p", "min_p", "0"},
    DefaultRow{"sampling.repetition_penalty", "repetition_penalty", "1"},
    DefaultRow{"sampling.presence_penalty", "", "0"},
    DefaultRow{"sampling.frequency_penalty", "", "0"},
    DefaultRow{"sampling.seed", "", "random"},
    DefaultRow{"stopping.max_tokens", "max_new_tokens", "1024"},
    DefaultRow{"stopping.min_tokens", "", "0"},
    DefaultRow{"output.skip_special_tokens", "", "true"},
    DefaultRow{"n", "", "1"},
    DefaultRow{"priority", "", "50"},
};

}  // namespace

absl::Span<const DefaultRow> GenerationDefaultRows() { return kRows; }

absl::Status ModelDefaults::Validate() const {
  SamplingOptions sampling;
  sampling.temperature = temperature;
  sampling.top_k = top_k;
  sampling.top_p = top_p;
  sampling.min_p = min_p;
  sampling.repetition_penalty = repetition_penalty;
  PINTLE_RETURN_IF_ERROR(ValidateSampling(sampling));
  if (max_new_tokens && *max_new_tokens < 1) {
    return InvalidField("max_new_tokens", "is less than 1");
  }
  const bool known = std::all_of(eos_token_ids.begin(), eos_token_ids.end(),
                                 [](TokenId token) { return token >= 0; });
  if (!known) return InvalidField("eos_token_id", "is negative");
  return absl::OkStatus();
}

ResolvedSampling ResolveSampling(const SamplingOptions& options, const ModelDefaults& defaults,
                                 std::uint64_t drawn_seed) {
  ResolvedSampling resolved;
  resolved.temperature = First(options.temperature, ModelTemperature(defaults), 1.0F);
  resolved.top_k = First(options.top_k, defaults.top_k, 0);
  resolved.top_p = First(options.top_p, defaults.top_p, 1.0F);
  resolved.min_p = First(options.min_p, defaults.min_p, 0.0F);
  resolved.repetition_penalty =
      First(options.repetition_penalty, defaults.repetition_penalty, 1.0F);
  resolved.presence_penalty = options.presence_penalty.value_or(0.0F);
  resolved.frequency_penalty = options.frequency_penalty.value_or(0.0F);
  resolved.logit_bias = options.logit_bias;
  resolved.seed = options.seed.value_or(drawn_seed);
  return resolved;
}

ResolvedStopping ResolveStopping(const StoppingOptions& options, const ModelDefaults& defaults,
                                 Position context_left) {
  PINTLE_CHECK(context_left >= 1, "a full context generates nothing");
  ResolvedStopping resolved;
  resolved.max_tokens = std::min(
      First(options.max_tokens, defaults.max_new_tokens, limits::kMaxTokensDefault), context_left);
  resolved.min_tokens = std::min(options.min_tokens.value_or(0), resolved.max_tokens);
  if (!options.ignore_eos) resolved.eos_token_ids = SortedUnique(defaults.eos_token_ids);
  resolved.stop_token_ids = SortedUnique(options.stop_token_ids);
  return resolved;
}

}  // namespace pintle

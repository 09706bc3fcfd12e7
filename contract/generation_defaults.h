// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_GENERATION_DEFAULTS_H_
#define PINTLE_CONTRACT_GENERATION_DEFAULTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"

namespace pintle {

// What a model's generation_config.json says, unset where it says nothing or is absent.
struct ModelDefaults {
  std::optional<bool> do_sample;
  std::optional<float> temperature;
  std::optional<std::int32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  std::optional<std::int32_t> max_new_tokens;
  std::vector<TokenId> eos_token_ids;

  // INVALID_ARGUMENT for a value that no request could carry either, named like the request's
  // field. A worker refuses to load such a model.
  absl::Status Validate() const;
};

// One row of the table from which --help and the documentation are made.
struct DefaultRow {
  absl::string_view field;      // path in the API
  absl::string_view model_key;  // key of generation_config.json that sets it; empty for none
  absl::string_view otherwise;  // the value where neither client nor model says anything
};

// Every optional scalar of a GenerateRequest. The resolving functions below follow it; the test
// holds them to it.
absl::Span<const DefaultRow> GenerationDefaultRows();

// Each option: the client's, else the model's, else the table's.
// temperature: the model's unless its do_sample is false, which means 0; 1.0 where it is silent.
// seed: the client's, else `drawn_seed`, which the caller draws and returns in `started`.
// Requires: options passed ValidateSampling, defaults passed Validate.
ResolvedSampling ResolveSampling(const SamplingOptions& options, const ModelDefaults& defaults,
                                 std::uint64_t drawn_seed);

// max_tokens and min_tokens are clipped to `context_left`, the tokens that still fit the context;
// id lists are sorted and unique. ignore_eos empties the EOS list, not the client's stop ids.
// Requires: options passed ValidateStopping, defaults passed Validate; context_left >= 1 (a full
// context is CONTEXT_FULL, the caller's to answer).
ResolvedStopping ResolveStopping(const StoppingOptions& options, const ModelDefaults& defaults,
                                 Position context_left);

}  // namespace pintle

#endif  // PINTLE_CONTRACT_GENERATION_DEFAULTS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_REQUEST_RULES_H_
#define PINTLE_CONTRACT_REQUEST_RULES_H_

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "contract/ids.h"

// What a request may say, held against limits.h before anything is allocated for it: linear in the
// request's size, allocating only the error. Paths of fields are those of the API
// ("sampling.temperature", "chat.messages[3].role").
// Thread: pure functions.
// Fails: INVALID_ARGUMENT with the first faulty field, its value (never a text) and the limit;
// INVALID_FIELD, or PROMPT_TOO_LONG for an input beyond limits::kPromptBytes.
namespace pintle {

// For where no model is known yet, as on a coordinator: any id from 0 on may be a token.
inline constexpr std::int32_t kAnyVocabulary = std::numeric_limits<std::int32_t>::max();

// All rules but those that need a tokenizer. An empty prompt text passes: only the tokenizer knows
// whether it has tokens.
absl::Status ValidateRequest(const GenerationRequest& request,
                             std::int32_t vocabulary = kAnyVocabulary);

// Its parts, for calls that carry only one of them.
absl::Status ValidateInput(const GenerationInput& input, std::int32_t vocabulary = kAnyVocabulary);
absl::Status ValidateSampling(const SamplingOptions& sampling,
                              std::int32_t vocabulary = kAnyVocabulary);
absl::Status ValidateStopping(const StoppingOptions& stopping,
                              std::int32_t vocabulary = kAnyVocabulary);
absl::Status ValidateOutput(const OutputOptions& output);

// [A-Za-z0-9._-]{1,64}: ids of sessions and requests, and roles. They reach logs and templates, so
// they hold nothing that either could misread.
absl::Status ValidateName(absl::string_view field, absl::string_view name);
// At most limits::kModelNameBytes of visible ASCII; may be empty.
absl::Status ValidateModelName(absl::string_view field, absl::string_view name);

}  // namespace pintle

#endif  // PINTLE_CONTRACT_REQUEST_RULES_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_CHAT_CONTEXT_H_
#define PINTLE_WORKER_TEXT_CHAT_CONTEXT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "contract/generation.h"
#include "worker/text/seam/text_model.h"

namespace pintle::text {

// The variables a chat template sees, as one JSON object in the shapes transformers uses:
// messages, tools, add_generation_prompt, the named tokens and the client's template arguments.
// Strings that hold `forbidden` (the marker prefix) are refused, so that no client writes a marker.
// INVALID_FIELD naming the field for JSON that does not parse, is nested deeper than 64, or sets a
// variable of ours; PROMPT_TOO_LONG when messages, tools or arguments exceed their limits.
absl::StatusOr<std::string> ChatContextJson(
    absl::Span<const Message> messages, const RenderOptions& options,
    absl::Span<const std::pair<std::string, std::string>> named_tokens,
    absl::string_view forbidden);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_CHAT_CONTEXT_H_

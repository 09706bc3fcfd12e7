// SPDX-License-Identifier: Apache-2.0
#include "worker/text/text_errors.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "worker/text/bridge/text_bridge.h"

namespace pintle::text {

absl::Status FieldError(Reason reason, absl::string_view field, absl::string_view description) {
  ErrorDetail detail;
  detail.reason = reason;
  detail.fields.push_back({std::string(field), std::string(description)});
  return MakeError(std::move(detail), absl::StrCat(field, " ", description));
}

absl::Status TooLongError(absl::string_view field, std::size_t bytes, std::size_t limit) {
  return FieldError(Reason::kPromptTooLong, field,
                    absl::StrCat("has ", bytes, " bytes, limit ", limit));
}

absl::Status BridgeError(std::int32_t status, absl::string_view field,
                         absl::string_view description) {
  switch (status) {
    case PINTLE_TEXT_INVALID: return FieldError(Reason::kInvalidField, field, description);
    case PINTLE_TEXT_REFUSED: return FieldError(Reason::kTemplateFailed, field, description);
    case PINTLE_TEXT_TOO_LONG: return FieldError(Reason::kPromptTooLong, field, description);
    default: return MakeError(Reason::kModelFailed, description);
  }
}

}  // namespace pintle::text

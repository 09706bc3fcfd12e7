// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_TEXT_ERRORS_H_
#define PINTLE_WORKER_TEXT_TEXT_ERRORS_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "contract/errors.h"

namespace pintle::text {

// A status of `reason` with one field violation; the message is "<field> <description>".
absl::Status FieldError(Reason reason, absl::string_view field, absl::string_view description);

// PROMPT_TOO_LONG for a field of `bytes` bytes.
absl::Status TooLongError(absl::string_view field, std::size_t bytes, std::size_t limit);

// The error of a bridge call about `field`. Requires: status is not PINTLE_TEXT_OK.
absl::Status BridgeError(std::int32_t status, absl::string_view field,
                         absl::string_view description);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_TEXT_ERRORS_H_

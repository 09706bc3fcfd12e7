// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CALL_ERROR_H_
#define PINTLE_CLI_CALL_ERROR_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pintle {

// An error as people read it. The first line is "CODE REASON: message" (a script may match it),
// then a line per field at fault, per exceeded budget, and what to do next. Requires: !status.ok().
// `target` is what --target said, for a server that cannot be reached.
std::vector<std::string> ErrorLines(const absl::Status& status, absl::string_view target);

}  // namespace pintle

#endif  // PINTLE_CLI_CALL_ERROR_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_EXIT_CODES_H_
#define PINTLE_CLI_EXIT_CODES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace pintle {

// What the tool's exit status says. Scripts rely on the numbers: they only grow.
enum class ExitCode : int {
  kOk = 0,
  kLocal = 1,
  kUsage = 2,
  kRefused = 3,
  kBusy = 4,
  kNotAllowed = 5,
  kDeadline = 6,
  kInternal = 7,
  kInterrupted = 130,
};

// Errors that no server made: a file that cannot be read, or flags that do not go together.
absl::Status LocalError(absl::string_view message);
absl::Status UsageError(absl::string_view message);
// Whether the status was made by one of the two above.
bool IsLocal(const absl::Status& status);

// The exit status of a command that ended with `status`.
ExitCode ExitCodeOf(const absl::Status& status);

// The table as --help shows it, one code a line.
std::string ExitCodeTable();

}  // namespace pintle

#endif  // PINTLE_CLI_EXIT_CODES_H_

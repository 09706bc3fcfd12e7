// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_INPUT_TEXT_H_
#define PINTLE_CLI_INPUT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// What people type or keep in files, as values. Errors are usage or local errors (exit_codes.h) and
// name the flag; only file errors name a path, which is the caller's own.
// Thread: pure functions besides the files they read and write.
namespace pintle {

// A file larger than this is refused before it is sent: the server takes no larger message.
inline constexpr std::size_t kInputFileBytes = 16 << 20;

// The whole file, or standard input for "-".
absl::StatusOr<std::string> ReadInputFile(absl::string_view flag, const std::string& path);
// Writes the whole file; an old one of that name is replaced.
absl::Status WriteOutputFile(absl::string_view flag, const std::string& path,
                             absl::string_view text);
// "1,2,3"; blanks and line feeds separate too. An empty list is an error.
absl::StatusOr<std::vector<std::int32_t>> ParseTokenIds(absl::string_view flag,
                                                        absl::string_view text);
// "90" is seconds; "1.5h", "10m", "30s" and "250ms" carry their unit.
absl::StatusOr<absl::Duration> ParseSpan(absl::string_view flag, absl::string_view text);

}  // namespace pintle

#endif  // PINTLE_CLI_INPUT_TEXT_H_

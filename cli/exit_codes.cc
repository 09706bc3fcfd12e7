// SPDX-License-Identifier: Apache-2.0
#include "cli/exit_codes.h"

#include <array>
#include <optional>

#include "absl/strings/cord.h"
#include "absl/strings/str_format.h"

namespace pintle {
namespace {

constexpr char kOrigin[] = "pintle.dev/cli-origin";

struct Meaning {
  ExitCode code;
  const char* text;
};

constexpr std::array<Meaning, 9> kMeanings = {{
    {ExitCode::kOk, "all is well"},
    {ExitCode::kLocal, "a file of this machine could not be read or written"},
    {ExitCode::kUsage, "the command line is wrong"},
    {ExitCode::kRefused, "the server refused the request; repeating it unchanged is useless"},
    {ExitCode::kBusy, "busy, no room, or not reachable: try again later"},
    {ExitCode::kNotAllowed, "the token is wrong or does not allow this"},
    {ExitCode::kDeadline, "the time of --timeout was over"},
    {ExitCode::kInternal, "an error inside the server"},
    {ExitCode::kInterrupted, "interrupted: by Ctrl-C, or the turn was cancelled by another caller"},
}};

absl::Status WithOrigin(absl::string_view message, ExitCode code) {
  absl::Status status = absl::InvalidArgumentError(message);
  status.SetPayload(kOrigin, absl::Cord(code == ExitCode::kUsage ? "usage" : "local"));
  return status;
}

}  // namespace

absl::Status LocalError(absl::string_view message) { return WithOrigin(message, ExitCode::kLocal); }
absl::Status UsageError(absl::string_view message) { return WithOrigin(message, ExitCode::kUsage); }

bool IsLocal(const absl::Status& status) { return status.GetPayload(kOrigin).has_value(); }

ExitCode ExitCodeOf(const absl::Status& status) {
  if (const absl::optional<absl::Cord> origin = status.GetPayload(kOrigin)) {
    return *origin == "usage" ? ExitCode::kUsage : ExitCode::kLocal;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk: return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kUnimplemented: return ExitCode::kRefused;
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kUnavailable: return ExitCode::kBusy;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied: return ExitCode::kNotAllowed;
    case absl::StatusCode::kDeadlineExceeded: return ExitCode::kDeadline;
    case absl::StatusCode::kCancelled: return ExitCode::kInterrupted;
    default: return ExitCode::kInternal;
  }
}

std::string ExitCodeTable() {
  std::string table = "Exit codes:\n";
  for (const Meaning& meaning : kMeanings) {
    absl::StrAppendFormat(&table, "  %3d  %s\n", static_cast<int>(meaning.code), meaning.text);
  }
  return table;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/call_error.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/exit_codes.h"
#include "cli/harmless_text.h"
#include "contract/errors.h"

namespace pintle {
namespace {

const char* NextForSession(Reason reason) {
  switch (reason) {
    case Reason::kSessionNotFound:
      return "see pintle sessions list; pintle sessions create ID makes it";
    case Reason::kSessionExists: return "use it as it is, or take another id";
    case Reason::kRequestIdReused: return "give another --request-id, or wait for that turn's end";
    case Reason::kPositionMismatch: return "look at the session: pintle sessions get ID";
    case Reason::kContextFull: return "forget its end: pintle sessions truncate ID POSITION";
    case Reason::kSessionBusy: return "wait for the turn that runs on this session";
    case Reason::kSessionDeleted: return "the session was deleted meanwhile; create it again";
    case Reason::kSessionsMax: return "delete a session: pintle sessions delete ID";
    case Reason::kPinBudget:
    case Reason::kSessionBudget: return "ask for fewer tokens, or wait until pins end";
    default: return "";
  }
}

const char* NextFor(Reason reason) {
  switch (reason) {
    case Reason::kInvalidField: return "change the field named above and send it again";
    case Reason::kPromptTooLong: return "shorten the input";
    case Reason::kTemplateFailed:
      return "the model's chat template refuses these messages; change them";
    case Reason::kUnsupportedOption: return "leave the option out";
    case Reason::kModelNotFound: return "see what is served: pintle models";
    case Reason::kUseCoordinator: return "give the coordinator's address as --target";
    case Reason::kFingerprintMismatch:
      return "import it where the same model is served, or with --transcript-only";
    case Reason::kStaleEpoch: return "repeat the call; tell the operator if it stays";
    case Reason::kQueueFull:
    case Reason::kPoolFull:
    case Reason::kTenantQuota: return "try again after the delay";
    case Reason::kSlowReader: return "read the answer faster; the turn was rolled back";
    case Reason::kNoWorker: return "start a worker, or wait for one: pintle workers --wait 1";
    case Reason::kWorkerLost: return "send the turn again; the session is as before it";
    case Reason::kDraining:
    case Reason::kLoading: return "try again after the delay";
    case Reason::kBadToken: return "give the right token: --token-file FILE or PINTLE_TOKEN";
    case Reason::kNotAdmin: return "this needs the administrator's token: --token-file FILE";
    case Reason::kNotCluster: return "only the cluster itself may call this";
    case Reason::kNotYet: return "this version of the server does not have it yet";
    case Reason::kModelFailed: return "see the server's log; other requests go on";
    default: return NextForSession(reason);
  }
}

const char* NextWithoutReason(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kCancelled: return "nothing was kept; a session is as it was before";
    case absl::StatusCode::kDeadlineExceeded: return "give more time with --timeout SECONDS";
    case absl::StatusCode::kUnimplemented:
      return "this server does not offer the call; is --target a coordinator?";
    case absl::StatusCode::kResourceExhausted:
      return "shorten the input: a message is at most 16 MiB";
    default: return "";
  }
}

void AddDetailLines(const ErrorDetail& detail, std::vector<std::string>& lines) {
  for (const FieldViolation& field : detail.fields) {
    lines.push_back(absl::StrCat("field: ", field.field, ": ", field.description));
  }
  for (const FieldViolation& quota : detail.quotas) {
    lines.push_back(absl::StrCat("budget: ", quota.field, ": ", quota.description));
  }
  for (const auto& [key, value] : detail.metadata) {
    lines.push_back(absl::StrCat(key, ": ", value));
  }
  if (detail.retry_after) {
    lines.push_back(absl::StrCat("retry after: ", absl::FormatDuration(*detail.retry_after)));
  }
}

}  // namespace

std::vector<std::string> ErrorLines(const absl::Status& status, absl::string_view target) {
  const std::string code = absl::StatusCodeToString(status.code());
  const std::string message(status.message());
  std::vector<std::string> lines;
  std::string next;
  if (IsLocal(status)) {
    lines.push_back(message);
  } else if (const std::optional<ErrorDetail> detail = DetailOf(status)) {
    lines.push_back(absl::StrCat(code, " ", ReasonName(detail->reason), ": ", message));
    AddDetailLines(*detail, lines);
    next = NextFor(detail->reason);
  } else if (status.code() == absl::StatusCode::kUnavailable) {
    lines.push_back(absl::StrCat(code, ": no server answers at ", target));
    lines.push_back(absl::StrCat("gRPC says: ", message));
    next = "see that it runs, that --target is its address and whether it needs --tls";
  } else {
    // gRPC's own cancellation has its code as its message.
    lines.push_back(message.empty() || message == code ? code : absl::StrCat(code, ": ", message));
    next = NextWithoutReason(status.code());
  }
  if (!next.empty()) lines.push_back(absl::StrCat("next: ", next));
  for (std::string& line : lines) line = HarmlessLine(line);
  return lines;
}

}  // namespace pintle

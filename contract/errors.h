// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_ERRORS_H_
#define PINTLE_CONTRACT_ERRORS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace pintle {

// The closed list of ErrorInfo reasons. Each belongs to exactly one canonical code (CodeOf).
enum class Reason {
  // INVALID_ARGUMENT: the request itself is wrong; the caller must change it.
  kInvalidField,
  kPromptTooLong,
  kTemplateFailed,
  kUnsupportedOption,
  // NOT_FOUND
  kModelNotFound,
  kSessionNotFound,
  // ALREADY_EXISTS
  kSessionExists,
  kRequestIdReused,
  // FAILED_PRECONDITION: the state must change first.
  kPositionMismatch,
  kContextFull,
  kStaleEpoch,
  kFingerprintMismatch,
  kUseCoordinator,
  // ABORTED: somebody else's turn or deletion came first.
  kSessionBusy,
  kSessionDeleted,
  // RESOURCE_EXHAUSTED: retry after the hint.
  kQueueFull,
  kPoolFull,
  kPinBudget,
  kSessionBudget,
  kTenantQuota,
  kSessionsMax,
  kSlowReader,
  // UNAVAILABLE: retry, possibly elsewhere.
  kNoWorker,
  kWorkerLost,
  kDraining,
  kLoading,
  // UNAUTHENTICATED and PERMISSION_DENIED
  kBadToken,
  kNotAdmin,
  kNotCluster,
  // UNIMPLEMENTED and INTERNAL
  kNotYet,
  kModelFailed,
};

// One faulty field: its path in the request ("sampling.temperature") and what is wrong with it.
struct FieldViolation {
  std::string field;
  std::string description;

  friend bool operator==(const FieldViolation&, const FieldViolation&) = default;
};

// What travels beside code and message; services turn it into google.rpc details.
struct ErrorDetail {
  Reason reason = Reason::kInvalidField;
  // Set for UNAVAILABLE and RESOURCE_EXHAUSTED: the earliest sensible retry.
  std::optional<absl::Duration> retry_after;
  // Set when a field is at fault.
  std::vector<FieldViolation> fields;
  // Subject and description of an exceeded budget, for QuotaFailure.
  std::vector<FieldViolation> quotas;
  // ErrorInfo metadata, e.g. the position a session really has. Never prompt text, paths,
  // addresses.
  std::vector<std::pair<std::string, std::string>> metadata;
};

// SCREAMING_SNAKE name as the API shows it, and back.
absl::string_view ReasonName(Reason reason);
std::optional<Reason> ReasonFromName(absl::string_view name);
// The canonical code a reason belongs to.
absl::StatusCode CodeOf(Reason reason);

// A status of CodeOf(detail.reason) that carries `detail` through every room of the process.
// RESOURCE_EXHAUSTED and UNAVAILABLE without retry_after get a default of one second, because a
// caller told to come back must be told when.
absl::Status MakeError(ErrorDetail detail, absl::string_view message);
absl::Status MakeError(Reason reason, absl::string_view message);
// INVALID_FIELD for one field; the message is "<field> <description>".
absl::Status InvalidField(absl::string_view field, absl::string_view description);

// The detail a status carries; nullopt when it was not made by MakeError.
std::optional<ErrorDetail> DetailOf(const absl::Status& status);
// Whether the status carries this reason.
bool HasReason(const absl::Status& status, Reason reason);

}  // namespace pintle

#endif  // PINTLE_CONTRACT_ERRORS_H_

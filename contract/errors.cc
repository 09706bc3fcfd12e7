// SPDX-License-Identifier: Apache-2.0
#include "contract/errors.h"

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "contract/check.h"

namespace pintle {
namespace {

constexpr absl::string_view kPayloadUrl = "pintle.error_detail";

struct ReasonRow {
  Reason reason;
  absl::string_view name;
  absl::StatusCode code;
};

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kPrecondition = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kExhausted = absl::StatusCode::kResourceExhausted;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

constexpr std::array kReasons = {
    ReasonRow{Reason::kInvalidField, "INVALID_FIELD", kInvalid},
    ReasonRow{Reason::kPromptTooLong, "PROMPT_TOO_LONG", kInvalid},
    ReasonRow{Reason::kTemplateFailed, "TEMPLATE_FAILED", kInvalid},
    ReasonRow{Reason::kUnsupportedOption, "UNSUPPORTED_OPTION", kInvalid},
    ReasonRow{Reason::kModelNotFound, "MODEL_NOT_FOUND", absl::StatusCode::kNotFound},
    ReasonRow{Reason::kSessionNotFound, "SESSION_NOT_FOUND", absl::StatusCode::kNotFound},
    ReasonRow{Reason::kSessionExists, "SESSION_EXISTS", absl::StatusCode::kAlreadyExists},
    ReasonRow{Reason::kRequestIdReused, "REQUEST_ID_REUSED", absl::StatusCode::kAlreadyExists},
    ReasonRow{Reason::kPositionMismatch, "POSITION_MISMATCH", kPrecondition},
    ReasonRow{Reason::kContextFull, "CONTEXT_FULL", kPrecondition},
    ReasonRow{Reason::kStaleEpoch, "STALE_EPOCH", kPrecondition},
    ReasonRow{Reason::kFingerprintMismatch, "FINGERPRINT_MISMATCH", kPrecondition},
    ReasonRow{Reason::kUseCoordinator, "USE_COORDINATOR", kPrecondition},
    ReasonRow{Reason::kSessionBusy, "SESSION_BUSY", absl::StatusCode::kAborted},
    ReasonRow{Reason::kSessionDeleted, "SESSION_DELETED", absl::StatusCode::kAborted},
    ReasonRow{Reason::kQueueFull, "QUEUE_FULL", kExhausted},
    ReasonRow{Reason::kPoolFull, "POOL_FULL", kExhausted},
    ReasonRow{Reason::kPinBudget, "PIN_BUDGET", kExhausted},
    ReasonRow{Reason::kSessionBudget, "SESSION_BUDGET", kExhausted},
    ReasonRow{Reason::kTenantQuota, "TENANT_QUOTA", kExhausted},
    ReasonRow{Reason::kSessionsMax, "SESSIONS_MAX", kExhausted},
    ReasonRow{Reason::kSlowReader, "SLOW_READER", kExhausted},
    ReasonRow{Reason::kNoWorker, "NO_WORKER", kUnavailable},
    ReasonRow{Reason::kWorkerLost, "WORKER_LOST", kUnavailable},
    ReasonRow{Reason::kDraining, "DRAINING", kUnavailable},
    ReasonRow{Reason::kLoading, "LOADING", kUnavailable},
    ReasonRow{Reason::kBadToken, "BAD_TOKEN", absl::StatusCode::kUnauthenticated},
    ReasonRow{Reason::kNotAdmin, "NOT_ADMIN", absl::StatusCode::kPermissionDenied},
    ReasonRow{Reason::kNotCluster, "NOT_CLUSTER", absl::StatusCode::kPermissionDenied},
    ReasonRow{Reason::kNotYet, "NOT_YET", absl::StatusCode::kUnimplemented},
    ReasonRow{Reason::kModelFailed, "MODEL_FAILED", absl::StatusCode::kInternal},
};

const ReasonRow& RowOf(Reason reason) {
  for (const ReasonRow& row : kReasons) {
    if (row.reason == reason) return row;
  }
  PINTLE_CHECK(false, "a Reason without a row in kReasons");
}

// The payload is a list of length-prefixed strings: no text can imitate its structure.
void Put(std::string& out, absl::string_view text) {
  absl::StrAppend(&out, text.size(), ":", text);
}

void PutPairs(std::string& out, const std::vector<FieldViolation>& pairs) {
  Put(out, absl::StrCat(pairs.size()));
  for (const FieldViolation& pair : pairs) {
    Put(out, pair.field);
    Put(out, pair.description);
  }
}

bool Take(absl::string_view& in, std::string& out) {
  const size_t colon = in.find(':');
  size_t length = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(in.substr(0, colon), &length) ||
      in.size() - colon - 1 < length) {
    return false;
  }
  out = std::string(in.substr(colon + 1, length));
  in.remove_prefix(colon + 1 + length);
  return true;
}

bool TakePairs(absl::string_view& in, std::vector<FieldViolation>& pairs) {
  std::string text;
  size_t count = 0;
  if (!Take(in, text) || !absl::SimpleAtoi(text, &count)) return false;
  for (size_t i = 0; i < count; ++i) {
    FieldViolation pair;
    if (!Take(in, pair.field) || !Take(in, pair.description)) return false;
    pairs.push_back(std::move(pair));
  }
  return true;
}

std::string Encode(const ErrorDetail& detail) {
  std::string out;
  Put(out, ReasonName(detail.reason));
  Put(out, detail.retry_after ? absl::StrCat(absl::ToInt64Milliseconds(*detail.retry_after)) : "");
  PutPairs(out, detail.fields);
  PutPairs(out, detail.quotas);
  std::vector<FieldViolation> metadata;
  for (const auto& [key, value] : detail.metadata) metadata.push_back({key, value});
  PutPairs(out, metadata);
  return out;
}

}  // namespace

absl::string_view ReasonName(Reason reason) { return RowOf(reason).name; }

std::optional<Reason> ReasonFromName(absl::string_view name) {
  for (const ReasonRow& row : kReasons) {
    if (row.name == name) return row.reason;
  }
  return std::nullopt;
}

absl::StatusCode CodeOf(Reason reason) { return RowOf(reason).code; }

absl::Status MakeError(ErrorDetail detail, absl::string_view message) {
  const absl::StatusCode code = CodeOf(detail.reason);
  if (!detail.retry_after && (code == kExhausted || code == kUnavailable)) {
    detail.retry_after = absl::Seconds(1);
  }
  absl::Status status(code, message);
  status.SetPayload(kPayloadUrl, absl::Cord(Encode(detail)));
  return status;
}

absl::Status MakeError(Reason reason, absl::string_view message) {
  ErrorDetail detail;
  detail.reason = reason;
  return MakeError(std::move(detail), message);
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  ErrorDetail detail;
  detail.reason = Reason::kInvalidField;
  detail.fields.push_back({std::string(field), std::string(description)});
  return MakeError(std::move(detail), absl::StrCat(field, " ", description));
}

std::optional<ErrorDetail> DetailOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  if (!payload) return std::nullopt;
  const std::string encoded(*payload);
  absl::string_view in(encoded);
  std::string name, retry;
  if (!Take(in, name) || !Take(in, retry)) return std::nullopt;
  const std::optional<Reason> reason = ReasonFromName(name);
  if (!reason) return std::nullopt;
  ErrorDetail detail;
  detail.reason = *reason;
  int64_t milliseconds = 0;
  if (absl::SimpleAtoi(retry, &milliseconds)) detail.retry_after = absl::Milliseconds(milliseconds);
  std::vector<FieldViolation> metadata;
  if (!TakePairs(in, detail.fields) || !TakePairs(in, detail.quotas) || !TakePairs(in, metadata)) {
    return std::nullopt;
  }
  for (FieldViolation& pair : metadata) {
    detail.metadata.emplace_back(std::move(pair.field), std::move(pair.description));
  }
  return detail;
}

bool HasReason(const absl::Status& status, Reason reason) {
  const std::optional<ErrorDetail> detail = DetailOf(status);
  return detail.has_value() && detail->reason == reason;
}

}  // namespace pintle

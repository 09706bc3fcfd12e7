// SPDX-License-Identifier: Apache-2.0
#include "services/wire/status_conversion.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "contract/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

constexpr char kDomain[] = "pintle";

bool IsGrpcsOwn(absl::StatusCode code) {
  return code == absl::StatusCode::kCancelled || code == absl::StatusCode::kDeadlineExceeded;
}

// The canonical codes have the same numbers in Abseil and gRPC.
absl::StatusCode CodeFromNumber(int number) {
  return number >= 0 && number <= static_cast<int>(absl::StatusCode::kUnauthenticated)
             ? static_cast<absl::StatusCode>(number)
             : absl::StatusCode::kUnknown;
}

void AddDetails(const ErrorDetail& detail, google::rpc::Status& out) {
  google::rpc::ErrorInfo info;
  info.set_domain(kDomain);
  info.set_reason(std::string(ReasonName(detail.reason)));
  for (const auto& [key, value] : detail.metadata) (*info.mutable_metadata())[key] = value;
  out.add_details()->PackFrom(info);
  if (!detail.fields.empty()) {
    google::rpc::BadRequest bad;
    for (const FieldViolation& field : detail.fields) {
      auto* violation = bad.add_field_violations();
      violation->set_field(field.field);
      violation->set_description(field.description);
    }
    out.add_details()->PackFrom(bad);
  }
  if (detail.retry_after) {
    google::rpc::RetryInfo retry;
    ToProto(*detail.retry_after, retry.mutable_retry_delay());
    out.add_details()->PackFrom(retry);
  }
  if (!detail.quotas.empty()) {
    google::rpc::QuotaFailure failure;
    for (const FieldViolation& quota : detail.quotas) {
      auto* violation = failure.add_violations();
      violation->set_subject(quota.field);
      violation->set_description(quota.description);
    }
    out.add_details()->PackFrom(failure);
  }
}

// nullopt without an ErrorInfo of ours.
std::optional<ErrorDetail> DetailFrom(const google::rpc::Status& status) {
  ErrorDetail detail;
  bool ours = false;
  for (const google::protobuf::Any& any : status.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    google::rpc::RetryInfo retry;
    google::rpc::QuotaFailure failure;
    if (any.UnpackTo(&info)) {
      const std::optional<Reason> reason = ReasonFromName(info.reason());
      if (info.domain() != kDomain || !reason) continue;
      ours = true;
      detail.reason = *reason;
      detail.metadata.assign(info.metadata().begin(), info.metadata().end());
      std::sort(detail.metadata.begin(), detail.metadata.end());
    } else if (any.UnpackTo(&bad)) {
      for (const auto& violation : bad.field_violations()) {
        detail.fields.push_back({violation.field(), violation.description()});
      }
    } else if (any.UnpackTo(&retry)) {
      detail.retry_after = FromProto(retry.retry_delay());
    } else if (any.UnpackTo(&failure)) {
      for (const auto& violation : failure.violations()) {
        detail.quotas.push_back({violation.subject(), violation.description()});
      }
    }
  }
  if (!ours) return std::nullopt;
  return detail;
}

absl::Status Restore(absl::StatusCode code, const std::string& message,
                     const google::rpc::Status& rpc) {
  if (code == absl::StatusCode::kOk) return absl::OkStatus();
  if (!IsGrpcsOwn(code)) {
    std::optional<ErrorDetail> detail = DetailFrom(rpc);
    // A reason that does not belong to the code was not made by MakeError.
    if (detail && CodeOf(detail->reason) == code) return MakeError(*std::move(detail), message);
  }
  return absl::Status(code, message);
}

}  // namespace

google::rpc::Status ToRpcStatus(const absl::Status& status) {
  google::rpc::Status out;
  if (status.ok()) return out;
  out.set_code(static_cast<int>(status.code()));
  out.set_message(std::string(status.message()));
  if (IsGrpcsOwn(status.code())) return out;
  std::optional<ErrorDetail> detail = DetailOf(status);
  if (!detail) {
    detail.emplace();
    detail->reason = Reason::kModelFailed;
    out.set_code(static_cast<int>(absl::StatusCode::kInternal));
  }
  AddDetails(*detail, out);
  return out;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const google::rpc::Status rpc = ToRpcStatus(status);
  const auto code = static_cast<grpc::StatusCode>(rpc.code());
  if (rpc.details_size() == 0) return grpc::Status(code, rpc.message());
  return grpc::Status(code, rpc.message(), rpc.SerializeAsString());
}

absl::Status FromRpcStatus(const google::rpc::Status& status) {
  return Restore(CodeFromNumber(status.code()), status.message(), status);
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  google::rpc::Status rpc;
  if (!rpc.ParseFromString(status.error_details())) rpc.Clear();
  const auto number = static_cast<int>(status.error_code());
  return Restore(CodeFromNumber(number), status.error_message(), rpc);
}

}  // namespace pintle

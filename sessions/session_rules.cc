// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_rules.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

absl::Status ValidateLease(absl::Duration lease) {
  if (lease <= absl::ZeroDuration() || lease > limits::kLeaseMax) {
    return InvalidField(
        "lease", absl::StrCat("is ", absl::FormatDuration(lease), ", must be above 0 and at most ",
                              absl::FormatDuration(limits::kLeaseMax)));
  }
  return absl::OkStatus();
}

absl::Status ValidateLabels(const std::map<std::string, std::string>& labels) {
  if (labels.size() > limits::kLabels) {
    return InvalidField("labels",
                        absl::StrCat("has ", labels.size(), " entries, limit ", limits::kLabels));
  }
  for (const auto& [name, value] : labels) {
    if (name.empty() || name.size() > limits::kLabelBytes || value.size() > limits::kLabelBytes) {
      return InvalidField(
          "labels", absl::StrCat("has a name of ", name.size(), " and a value of ", value.size(),
                                 " bytes, limit ", limits::kLabelBytes, " each and no empty name"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateNewSession(const NewSession& session) {
  if (!session.id.empty()) {
    PINTLE_RETURN_IF_ERROR(ValidateName("id", session.id.value()));
  }
  PINTLE_RETURN_IF_ERROR(ValidateModelName("model", session.model));
  PINTLE_RETURN_IF_ERROR(ValidateLease(session.lease));
  return ValidateLabels(session.labels);
}

absl::Status ValidateChanges(const SessionChanges& changes) {
  return changes.lease ? ValidateLease(*changes.lease) : absl::OkStatus();
}

}  // namespace pintle

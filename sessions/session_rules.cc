// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_rules.h"

#include <cstddef>
#include <cstdint>
#include <string>

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

absl::Status ValidatePriority(const std::string& field, std::int32_t priority) {
  if (priority >= 0 && priority <= limits::kPriorityMax) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("is ", priority, ", must be 0 to ",
                                          limits::kPriorityMax));
}

// Zero stands for the lease.
absl::Status ValidateTtl(const std::string& field, absl::Duration ttl) {
  if (ttl >= absl::ZeroDuration() && ttl <= limits::kLeaseMax) return absl::OkStatus();
  return InvalidField(field, absl::StrCat("is ", absl::FormatDuration(ttl),
                                          ", must be 0 (the lease) to ",
                                          absl::FormatDuration(limits::kLeaseMax)));
}

absl::Status ValidateRanges(const Pin& pin) {
  if (pin.ranges.empty()) return absl::OkStatus();
  if (pin.kind != PinKind::kRetained) return InvalidField("pin.ranges", "are for RETAINED only");
  if (pin.ranges.size() > limits::kPinRanges) {
    return InvalidField("pin.ranges", absl::StrCat("has ", pin.ranges.size(), " ranges, limit ",
                                                   limits::kPinRanges));
  }
  Position before = 0;
  for (std::size_t i = 0; i < pin.ranges.size(); ++i) {
    const PinRange& range = pin.ranges[i];
    const std::string name = absl::StrCat("pin.ranges[", i, "]");
    if (range.from < before) {
      return InvalidField(name + ".from", absl::StrCat("is ", range.from, ", must be at least ",
                                                       before));
    }
    if (range.to <= range.from) {
      return InvalidField(name + ".to", absl::StrCat("is ", range.to, ", must be above ",
                                                     range.from));
    }
    PINTLE_RETURN_IF_ERROR(ValidatePriority(name + ".priority", range.priority));
    PINTLE_RETURN_IF_ERROR(ValidateTtl(name + ".ttl", range.ttl));
    before = range.to;
  }
  return absl::OkStatus();
}

absl::Status ValidatePin(const Pin& pin) {
  PINTLE_RETURN_IF_ERROR(ValidatePriority("pin.priority", pin.priority));
  PINTLE_RETURN_IF_ERROR(ValidateTtl("pin.ttl", pin.ttl));
  if (pin.budget_tokens < 0 || (pin.kind == PinKind::kGuaranteed && pin.budget_tokens == 0)) {
    return InvalidField("pin.budget_tokens",
                        absl::StrCat("is ", pin.budget_tokens, ", must be above 0 for GUARANTEED"));
  }
  return ValidateRanges(pin);
}

absl::Status ValidateHints(const SessionHints& hints) {
  if (!hints.expected_return) return absl::OkStatus();
  const absl::Duration wait = *hints.expected_return;
  if (wait >= absl::ZeroDuration() && wait <= limits::kExpectedReturnMax) return absl::OkStatus();
  return InvalidField("expected_return",
                      absl::StrCat("is ", absl::FormatDuration(wait), ", must be 0 to ",
                                   absl::FormatDuration(limits::kExpectedReturnMax)));
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
  PINTLE_RETURN_IF_ERROR(ValidatePin(session.pin));
  PINTLE_RETURN_IF_ERROR(ValidateLease(session.lease));
  return ValidateLabels(session.labels);
}

absl::Status ValidateChanges(const SessionChanges& changes) {
  if (changes.pin) PINTLE_RETURN_IF_ERROR(ValidatePin(*changes.pin));
  if (changes.lease) PINTLE_RETURN_IF_ERROR(ValidateLease(*changes.lease));
  return ValidateHints(changes.hints);
}

}  // namespace pintle

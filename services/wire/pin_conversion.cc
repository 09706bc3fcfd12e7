// SPDX-License-Identifier: Apache-2.0
#include "services/wire/pin_conversion.h"

#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

v1::PinKind ToProto(PinKind kind) {
  switch (kind) {
    case PinKind::kBestEffort: return v1::BEST_EFFORT;
    case PinKind::kRetained: return v1::RETAINED;
    case PinKind::kGuaranteed: return v1::GUARANTEED;
  }
  return v1::PIN_KIND_UNSPECIFIED;
}

absl::StatusOr<PinKind> FromProto(v1::PinKind kind) {
  switch (kind) {
    case v1::PIN_KIND_UNSPECIFIED:
    case v1::BEST_EFFORT: return PinKind::kBestEffort;
    case v1::RETAINED: return PinKind::kRetained;
    case v1::GUARANTEED: return PinKind::kGuaranteed;
    default:
      return InvalidField("pin.kind",
                          absl::StrCat("is ", static_cast<int>(kind), ", which is no PinKind"));
  }
}

}  // namespace

void ToProto(const Pin& pin, v1::Pin* out) {
  out->set_kind(ToProto(pin.kind));
  if (pin.kind == PinKind::kRetained) {
    out->set_priority(pin.priority);
    if (pin.ttl > absl::ZeroDuration()) ToProto(pin.ttl, out->mutable_ttl());
  }
  if (pin.kind == PinKind::kGuaranteed) out->set_budget_tokens(pin.budget_tokens);
  out->set_resident(pin.resident);
  for (const PinRange& range : pin.ranges) {
    v1::PinRange* to = out->add_ranges();
    to->set_from(range.from);
    if (range.to != std::numeric_limits<Position>::max()) to->set_to(range.to);
    to->set_priority(range.priority);
    if (range.ttl > absl::ZeroDuration()) ToProto(range.ttl, to->mutable_ttl());
  }
}

absl::StatusOr<Pin> FromProto(const v1::Pin& pin) {
  Pin out;
  PINTLE_ASSIGN_OR_RETURN(out.kind, FromProto(pin.kind()));
  constexpr std::int64_t kMost = std::numeric_limits<Position>::max();
  if (pin.budget_tokens() > kMost || pin.budget_tokens() < -kMost) {
    return InvalidField("pin.budget_tokens",
                        absl::StrCat("is ", pin.budget_tokens(), ", limit ", kMost));
  }
  out.budget_tokens = static_cast<Position>(pin.budget_tokens());
  out.resident = pin.resident();
  if (pin.has_priority()) out.priority = pin.priority();
  if (pin.has_ttl()) out.ttl = FromProto(pin.ttl());
  if (static_cast<std::size_t>(pin.ranges_size()) > limits::kPinRanges) {
    return InvalidField("pin.ranges", absl::StrCat("has ", pin.ranges_size(), " ranges, limit ",
                                                   limits::kPinRanges));
  }
  for (const v1::PinRange& range : pin.ranges()) {
    PinRange to;
    to.from = range.from();
    if (range.has_to()) to.to = range.to();
    if (range.has_priority()) to.priority = range.priority();
    if (range.has_ttl()) to.ttl = FromProto(range.ttl());
    out.ranges.push_back(to);
  }
  return out;
}

v1::PinVerdict ToProto(PinVerdict verdict) {
  switch (verdict) {
    case PinVerdict::kAccepted: return v1::ACCEPTED;
    case PinVerdict::kClipped: return v1::CLIPPED;
    case PinVerdict::kDeferred: return v1::DEFERRED;
    case PinVerdict::kRejected: return v1::REJECTED;
    case PinVerdict::kMissing: return v1::MISSING;
  }
  return v1::PIN_VERDICT_UNSPECIFIED;
}

PinVerdict FromProto(v1::PinVerdict verdict) {
  switch (verdict) {
    case v1::ACCEPTED: return PinVerdict::kAccepted;
    case v1::CLIPPED: return PinVerdict::kClipped;
    case v1::REJECTED: return PinVerdict::kRejected;
    case v1::MISSING: return PinVerdict::kMissing;
    default: return PinVerdict::kDeferred;
  }
}

v1::Outlook ToProto(SessionOutlook outlook) {
  switch (outlook) {
    case SessionOutlook::kOpen: return v1::OPEN;
    case SessionOutlook::kAwaitingTool: return v1::AWAITING_TOOL;
    case SessionOutlook::kClosed: return v1::CLOSED;
  }
  return v1::OUTLOOK_UNSPECIFIED;
}

absl::StatusOr<std::optional<SessionOutlook>> FromProto(v1::Outlook outlook) {
  switch (outlook) {
    case v1::OUTLOOK_UNSPECIFIED: return std::nullopt;
    case v1::OPEN: return SessionOutlook::kOpen;
    case v1::AWAITING_TOOL: return SessionOutlook::kAwaitingTool;
    case v1::CLOSED: return SessionOutlook::kClosed;
    default:
      return InvalidField("outlook",
                          absl::StrCat("is ", static_cast<int>(outlook), ", which is no Outlook"));
  }
}

void ToProto(const SessionTerms& terms, v1::UpdateSessionKvRequest* out) {
  if (terms.pin) {
    ToProto(*terms.pin, out->mutable_pin());
    ToProto(terms.lease, out->mutable_lease());
  }
  if (terms.hints.outlook) out->set_outlook(ToProto(*terms.hints.outlook));
  if (terms.hints.expected_return) {
    ToProto(*terms.hints.expected_return, out->mutable_expected_return());
  }
}

absl::StatusOr<SessionTerms> FromProto(const v1::UpdateSessionKvRequest& request) {
  SessionTerms out;
  if (request.has_pin()) {
    PINTLE_ASSIGN_OR_RETURN(out.pin, FromProto(request.pin()));
  }
  if (request.has_lease()) out.lease = FromProto(request.lease());
  PINTLE_ASSIGN_OR_RETURN(out.hints.outlook, FromProto(request.outlook()));
  if (request.has_expected_return()) {
    out.hints.expected_return = FromProto(request.expected_return());
  }
  return out;
}

}  // namespace pintle

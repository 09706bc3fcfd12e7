// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/session_conversion.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

v1::SessionState ToProto(SessionState state) {
  switch (state) {
    case SessionState::kRunning: return v1::RUNNING;
    case SessionState::kIdle: return v1::IDLE;
    case SessionState::kExpired: return v1::EXPIRED;
    case SessionState::kCold: return v1::COLD;
  }
  return v1::SESSION_STATE_UNSPECIFIED;
}

absl::StatusOr<PinKind> PinOf(const v1::Pin& pin) {
  switch (pin.kind()) {
    case v1::PIN_KIND_UNSPECIFIED:
    case v1::BEST_EFFORT: return PinKind::kBestEffort;
    case v1::RETAINED:
    case v1::GUARANTEED:
      return MakeError(Reason::kNotYet, absl::StrCat("pin.kind ", v1::PinKind_Name(pin.kind()),
                                                     " is not there yet; use BEST_EFFORT"));
    default:
      return InvalidField(
          "pin.kind", absl::StrCat("is ", static_cast<int>(pin.kind()), ", which is no PinKind"));
  }
}

std::int32_t Clip(std::int64_t value) {
  return static_cast<std::int32_t>(
      std::min<std::int64_t>(value, std::numeric_limits<std::int32_t>::max()));
}

}  // namespace

void ToProto(const SessionView& view, v1::Session* out) {
  const StoredSession& session = view.session;
  out->set_id(session.key.session.value());
  out->set_model(session.model);
  out->set_state(ToProto(view.state));
  out->mutable_pin()->set_kind(v1::BEST_EFFORT);
  ToProto(session.lease, out->mutable_lease());
  ToProto(view.lease_expires, out->mutable_lease_expires());
  ToProto(session.created, out->mutable_created());
  ToProto(session.last_used, out->mutable_last_used());
  out->set_turns(session.transcript.turns());
  out->set_position(session.transcript.position());
  if (view.held_tokens) out->set_held_tokens(Clip(*view.held_tokens));
  out->set_worker(session.binding.worker.value());
  out->set_epoch(session.binding.epoch);
  out->mutable_labels()->insert(session.labels.begin(), session.labels.end());
}

absl::StatusOr<NewSession> FromProto(const v1::CreateSessionRequest& request) {
  NewSession out;
  out.id = SessionId(request.id());
  out.model = request.model();
  PINTLE_ASSIGN_OR_RETURN(out.pin, PinOf(request.pin()));
  if (request.has_lease()) out.lease = FromProto(request.lease());
  out.labels.insert(request.labels().begin(), request.labels().end());
  return out;
}

absl::StatusOr<SessionChanges> FromProto(const v1::UpdateSessionRequest& request) {
  SessionChanges out;
  if (request.has_pin()) {
    PINTLE_ASSIGN_OR_RETURN(out.pin, PinOf(request.pin()));
  }
  if (request.has_lease()) out.lease = FromProto(request.lease());
  // A hint that today's policy does not use; nonsense is still refused.
  if (request.has_expected_return() &&
      FromProto(request.expected_return()) < absl::ZeroDuration()) {
    return InvalidField("expected_return", "is negative");
  }
  return out;
}

}  // namespace pintle

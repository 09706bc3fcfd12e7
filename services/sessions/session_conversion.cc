// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/session_conversion.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "contract/status_macros.h"
#include "services/wire/pin_conversion.h"
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
  ToProto(session.pin, out->mutable_pin());
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
  out->set_outlook(ToProto(session.outlook));
  if (view.expected_return) ToProto(*view.expected_return, out->mutable_expected_return());
}

absl::StatusOr<NewSession> FromProto(const v1::CreateSessionRequest& request) {
  NewSession out;
  out.id = SessionId(request.id());
  out.model = request.model();
  PINTLE_ASSIGN_OR_RETURN(out.pin, FromProto(request.pin()));
  if (request.has_lease()) out.lease = FromProto(request.lease());
  out.labels.insert(request.labels().begin(), request.labels().end());
  return out;
}

absl::StatusOr<SessionChanges> FromProto(const v1::UpdateSessionRequest& request) {
  SessionChanges out;
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

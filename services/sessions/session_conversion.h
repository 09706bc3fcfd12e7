// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_SESSION_CONVERSION_H_
#define PINTLE_SERVICES_SESSIONS_SESSION_CONVERSION_H_

#include "absl/status/statusor.h"
#include "pintle/v1/sessions.pb.h"
#include "sessions/session_front.h"
#include "sessions/session_store.h"

// Messages of the Sessions service as the session room's types and back. The rules of the fields
// are the session room's.
// Thread: pure functions.
namespace pintle {

void ToProto(const SessionView& view, v1::Session* out);

// INVALID_FIELD as in pin_conversion.h.
absl::StatusOr<NewSession> FromProto(const v1::CreateSessionRequest& request);
absl::StatusOr<SessionChanges> FromProto(const v1::UpdateSessionRequest& request);

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_SESSION_CONVERSION_H_

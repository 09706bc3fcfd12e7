// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_WIRE_PIN_CONVERSION_H_
#define PINTLE_SERVICES_WIRE_PIN_CONVERSION_H_

#include <optional>

#include "absl/status/statusor.h"
#include "contract/pin.h"
#include "pintle/v1/execution.pb.h"
#include "pintle/v1/sessions.pb.h"

// Pins, what becomes of them and what is known of a session's return, as messages and back. Rules
// beyond the types are the session room's.
// Thread: pure functions.
namespace pintle {

void ToProto(const Pin& pin, v1::Pin* out);
// INVALID_FIELD for an unknown kind and for numbers that no pin here can hold.
absl::StatusOr<Pin> FromProto(const v1::Pin& pin);

v1::PinVerdict ToProto(PinVerdict verdict);
// A verdict we do not know is one that still has to come.
PinVerdict FromProto(v1::PinVerdict verdict);

v1::Outlook ToProto(SessionOutlook outlook);
// Nothing when it is unset. INVALID_FIELD for an unknown one.
absl::StatusOr<std::optional<SessionOutlook>> FromProto(v1::Outlook outlook);

// Tenant, session and epoch are the caller's.
void ToProto(const SessionTerms& terms, v1::UpdateSessionKvRequest* out);
absl::StatusOr<SessionTerms> FromProto(const v1::UpdateSessionKvRequest& request);

}  // namespace pintle

#endif  // PINTLE_SERVICES_WIRE_PIN_CONVERSION_H_

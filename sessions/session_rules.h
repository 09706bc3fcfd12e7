// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_SESSION_RULES_H_
#define PINTLE_SESSIONS_SESSION_RULES_H_

#include "absl/status/status.h"
#include "sessions/session_store.h"

// What CreateSession and UpdateSession may say. Thread: pure functions.
// Fails: INVALID_FIELD with the first faulty field.
namespace pintle {

absl::Status ValidateNewSession(const NewSession& session);
absl::Status ValidateChanges(const SessionChanges& changes);

}  // namespace pintle

#endif  // PINTLE_SESSIONS_SESSION_RULES_H_

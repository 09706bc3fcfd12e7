// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_record.h"

namespace pintle {

SessionState StateOf(const StoredSession& session, absl::Duration now,
                     std::optional<std::int64_t> held_tokens) {
  if (session.running != 0) return SessionState::kRunning;
  const bool synced = session.binding.incarnation != 0 && session.binding.synced_turns > 0;
  const bool holds = held_tokens ? *held_tokens > 0 : synced;
  if (!holds) return SessionState::kCold;
  return now >= session.lease_expires ? SessionState::kExpired : SessionState::kIdle;
}

}  // namespace pintle

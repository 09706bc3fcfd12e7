// SPDX-License-Identifier: Apache-2.0
#include "sessions/session_record.h"

#include <algorithm>

namespace pintle {

SessionState StateOf(const StoredSession& session, absl::Duration now,
                     std::optional<std::int64_t> held_tokens) {
  if (session.running != 0) return SessionState::kRunning;
  const bool synced = session.binding.incarnation != 0 && session.binding.synced_turns > 0;
  const bool holds = held_tokens ? *held_tokens > 0 : synced;
  if (!holds) return SessionState::kCold;
  return now >= session.lease_expires ? SessionState::kExpired : SessionState::kIdle;
}

Pin PinOf(const StoredSession& session, absl::Duration now) {
  if (session.running != 0) return session.pin;
  const auto end_of = [&session](absl::Duration ttl) {
    return ttl > absl::ZeroDuration() ? session.used_at + ttl : session.lease_expires;
  };
  absl::Duration end = session.lease_expires;
  if (session.pin.kind == PinKind::kRetained) {
    end = end_of(session.pin.ttl);
    // Ranges have times of their own, and stand for the whole.
    if (!session.pin.ranges.empty()) end = absl::ZeroDuration();
    for (const PinRange& range : session.pin.ranges) end = std::max(end, end_of(range.ttl));
  }
  return now < end ? session.pin : Pin{};
}

}  // namespace pintle

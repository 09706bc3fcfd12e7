// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_PIN_H_
#define PINTLE_CONTRACT_PIN_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/limits.h"

namespace pintle {

// What a session's KV is promised, weakest first. Design section 6.
enum class PinKind : std::uint8_t {
  kBestEffort,  // first to go
  kRetained,    // goes only when no best_effort block is left, until its TTL
  kGuaranteed,  // never goes while the lease lasts, within a budget
};

// Positions [from, to) of a `retained` session and how dearly they are kept.
struct PinRange {
  Position from = 0;
  Position to = std::numeric_limits<Position>::max();
  std::int32_t priority = limits::kPriorityDefault;
  // From the end of each turn; zero means the session's lease.
  absl::Duration ttl = absl::ZeroDuration();

  friend bool operator==(const PinRange&, const PinRange&) = default;
};

// What a session asks for. Fields that do not belong to `kind` are not looked at.
struct Pin {
  PinKind kind = PinKind::kBestEffort;
  // guaranteed: tokens of KV that the session may always have.
  Position budget_tokens = 0;
  // The KV may not move to a lower tier.
  bool resident = false;
  // retained: what is kept, at most limits::kPinRanges; empty means the whole session with
  // `priority` and `ttl`.
  std::int32_t priority = limits::kPriorityDefault;
  absl::Duration ttl = absl::ZeroDuration();
  std::vector<PinRange> ranges = {};

  friend bool operator==(const Pin&, const Pin&) = default;
};

// How a verb on a pin (set, renew, release) was taken.
enum class PinVerdict : std::uint8_t {
  kAccepted,  // it holds as asked
  kClipped,   // it holds in part: the KV held goes beyond the budget, or a time beyond its limit
  kDeferred,  // it will hold once running turns have made way or ended, or a worker is bound
  kRejected,  // nothing changed; the status says which budget
  kMissing,   // nothing is known of the session
};

// What a session said about coming back.
enum class SessionOutlook : std::uint8_t {
  kOpen,          // nothing said
  kAwaitingTool,  // its last answer ended in a tool call: it usually comes back at once
  kClosed,        // it will not come back
};

// News of a session; what is unset stays as it was. A turn that begins is the return all of it
// announced, and ends it.
struct SessionHints {
  std::optional<SessionOutlook> outlook;
  // From now on.
  std::optional<absl::Duration> expected_return;

  friend bool operator==(const SessionHints&, const SessionHints&) = default;
};

// What its owner tells a worker of a session between turns.
struct SessionTerms {
  // Unset: the pin there is, renewed; then the lease is not looked at.
  std::optional<Pin> pin;
  absl::Duration lease = limits::kLeaseDefault;
  SessionHints hints;
};

struct PinAnswer {
  PinVerdict verdict = PinVerdict::kAccepted;
  // Not OK for kRejected alone: PIN_BUDGET, TENANT_QUOTA, SESSIONS_MAX.
  absl::Status why;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_PIN_H_

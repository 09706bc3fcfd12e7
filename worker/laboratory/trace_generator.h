// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_TRACE_GENERATOR_H_
#define PINTLE_WORKER_LABORATORY_TRACE_GENERATOR_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// The character of a generated workload. Lengths are in blocks; think times are log-normal: most
// people answer within minutes, some after hours.
struct WorkloadShape {
  std::int32_t requests = 12000;
  double arrivals_per_second = 1.5;  // of new sessions
  double burst = 1;                  // arrivals swing by this factor up and down every 10 minutes
  std::int32_t system_prompts = 8;   // shared by sessions, popular ones more
  std::int32_t system_blocks_max = 4;
  double first_blocks = 10;     // median of a first message; heavy-tailed
  double further_blocks = 2;    // median a later turn adds
  double spread = 1.2;          // of log lengths
  double return_after_first = 0.4;
  double return_after_later = 0.65;
  double think_seconds = 90;    // median
  double think_spread = 1.1;    // of log think times
  double one_shots = 0.3;       // share of sessions that never return, three times as long
};

// Names of the kinds: chat, agents, documents, bursts, scans.
absl::Span<const absl::string_view> WorkloadKinds();
// INVALID_FIELD for a kind that is none.
absl::StatusOr<WorkloadShape> ShapeOf(absl::string_view kind);

// A trace drawn from `seed`: equal arguments give equal traces on every machine. Requests do not
// name sessions, as in published traces; a turn repeats its session's blocks but the last, which
// was partly full.
Trace GenerateTrace(const WorkloadShape& shape, std::uint64_t seed);

// A known number of sessions of equally many turns, a share of which says nothing any more after
// the second. Nobody closes. A turn adds what is said and its answer, in blocks of 16 tokens, and
// think times are log-normal or, with `pareto`, fall as that power.
struct SessionLoad {
  std::int32_t sessions = 40;
  std::int32_t turns = 6;
  double abandoned = 1.0 / 3;  // share of the sessions
  std::int32_t abandoned_turns = 2;
  double arrivals_seconds = 50;  // they arrive evenly within
  double turn_blocks = 9;        // median a turn adds; heavy-tailed
  std::int32_t turn_blocks_max = 40;
  double spread = 0.5;       // of log lengths
  double think_seconds = 5;  // median
  double think_seconds_max = 60;
  double think_spread = 1.4;  // of log think times
  double pareto = 0;
  double pace_spread = 0;  // of the log of how much slower a whole session is than others
};
// A trace drawn from `seed`, as above; its requests name their sessions.
Trace GenerateSessions(const SessionLoad& load, std::uint64_t seed);

// Writes `trace` as ReadTrace reads it.
void WriteTrace(const Trace& trace, std::ostream& out);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_TRACE_GENERATOR_H_

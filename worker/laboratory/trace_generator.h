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

// Writes `trace` as ReadTrace reads it.
void WriteTrace(const Trace& trace, std::ostream& out);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_TRACE_GENERATOR_H_

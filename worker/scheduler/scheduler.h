// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SCHEDULER_SCHEDULER_H_
#define PINTLE_WORKER_SCHEDULER_SCHEDULER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/limits.h"
#include "worker/scheduler/step_input.h"
#include "worker/scheduler/step_plan.h"

namespace pintle {

struct SchedulerOptions {
  // Rows of one step. Prompts get what the decoding sequences leave, but never less than
  // prefill_chunk_min, so a step has at most max(step_tokens, sequences_max + prefill_chunk_min).
  std::int32_t step_tokens = 512;
  std::int32_t sequences_max = static_cast<std::int32_t>(limits::kRunningSequences);
  // A prompt's rows in one step. Smaller chunks than the minimum waste the weights' read; larger
  // minima cost running streams more than their target allows.
  std::int32_t prefill_chunk_min = 8;
  std::int32_t prefill_chunk_max = 512;
  // What a step may take while sequences decode, prompts included; zero: 2.2 times what it
  // takes without prompts, and more where several prompts wait. Prompts get prefill_chunk_min rows
  // even where that is too long.
  absl::Duration inter_token_target;
  // How long a turn may wait for blocks before it is told POOL_FULL.
  absl::Duration queue_time = limits::kQueueTime;
  // Head start of one point of priority: 100 points are ahead of what came up to 100 s earlier,
  // and of nothing older, so nobody starves.
  absl::Duration priority_worth = absl::Seconds(1);

  absl::Status Validate() const;
};

// Decides what the next step runs: a pure function of its input.
// - Sequences that need one row run first, one row each: a long prompt never delays them by more
//   than one step. Tenants with prompts share the rest equally; of one tenant the first in rank is
//   served first, for equal chunks would only make all of a burst wait for the last.
// - A turn is admitted when its uncached prompt and one block more per sequence fit; the first in
//   rank that does not fit holds back all behind it, so it cannot be overtaken for ever.
// - Out of blocks: paused turns lose theirs first, then the last in rank below the one in need;
//   a turn never preempts one ahead of it but waits. Hence the first unpaused turn always goes on.
// - Drafts come last: in steps without prompts, of the rows and blocks that are left, and nobody is
//   preempted for them.
// Thread: any; it has no state besides its options. Never fails.
class Scheduler {
 public:
  // Requires: options.Validate() is OK.
  explicit Scheduler(SchedulerOptions options);

  StepPlan Step(const StepInput& input) const;
  // Whether `a` goes before `b`; a strict order that never changes.
  bool Before(const Standing& a, const Standing& b) const;

  const SchedulerOptions& options() const { return options_; }

 private:
  const SchedulerOptions options_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SCHEDULER_SCHEDULER_H_

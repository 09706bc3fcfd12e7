// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SCHEDULER_STEP_PLAN_H_
#define PINTLE_WORKER_SCHEDULER_STEP_PLAN_H_

#include <cstdint>
#include <vector>

#include "contract/ids.h"

namespace pintle {

// A sequence that computes its next `rows` tokens; rows beyond those it has left are drafts.
struct PlannedRun {
  SequenceId sequence = 0;
  std::int32_t rows = 0;

  friend bool operator==(const PlannedRun&, const PlannedRun&) = default;
};

// A waiting turn that starts now, with its prompt's first chunk.
struct PlannedAdmission {
  std::uint64_t turn = 0;
  std::int32_t rows = 0;

  friend bool operator==(const PlannedAdmission&, const PlannedAdmission&) = default;
};

// What to do, in this order: reject, preempt, admit, run.
struct StepPlan {
  std::vector<std::uint64_t> expired;    // waiting past their deadline: DEADLINE_EXCEEDED
  std::vector<std::uint64_t> pool_full;  // waiting past the queue time
  std::vector<std::uint64_t> preempted;  // running turns that give their blocks back
  std::vector<PlannedAdmission> admitted;
  std::vector<PlannedRun> runs;
  // A running sequence got no block although nothing was left to preempt for it.
  bool stalled = false;

  friend bool operator==(const StepPlan&, const StepPlan&) = default;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SCHEDULER_STEP_PLAN_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_SPECULATOR_H_
#define PINTLE_WORKER_ENGINE_SPECULATOR_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "contract/limits.h"
#include "worker/engine/active_turn.h"
#include "worker/engine/step_builder.h"
#include "worker/engine/turn_table.h"
#include "worker/model/seam/step_batch.h"
#include "worker/scheduler/step_input.h"
#include "worker/scheduler/step_cost.h"

namespace pintle {

struct SpeculationOptions {
  bool enabled = true;
  // Drafts of one sequence in one step.
  std::int32_t tokens_max = 8;
  // Drafts whatever they have cost; for tests, whose clocks stand still.
  bool at_any_cost = false;

  // INVALID_FIELD.
  absl::Status Validate() const;
};

// Which running choices try drafts in the next step, and what became of them.
// Thread: confined to the engine thread. Each choice owns its drafts.
// Fails: it does not.
class Speculator {
 public:
  explicit Speculator(const SpeculationOptions& options) : options_(options) {}

  // Looks for drafts and sets what the input's sequences would try, where that pays by what steps
  // have cost. Nothing where prompts run or anybody waits. Requires: the table is as it was when
  // the input was filled.
  void Propose(TurnTable& table, const StepCost& cost, StepInput& input);

  // For each slice of the step that was collected: how many tokens of its samples count. One where
  // nothing was drafted; where drafts were, the first row that is not what its draft said, that
  // ends the choice, or that failed is where they stop. A failed row counts for nothing then, and
  // the choice is not drafted for any more.
  absl::Span<const std::int32_t> Judge(const StepBuilder& step, const StepResult& result,
                                       TurnTable& table);
  // Rows of the last step judged whose drafts were wrong.
  std::int32_t wasted_rows() const { return wasted_rows_; }

  std::int64_t drafted() const { return drafted_; }
  std::int64_t accepted() const { return accepted_; }

 private:
  // The drafts that the sequence could try now, in its choice's drafter.
  void Look(ActiveTurn& turn, std::int32_t index);
  std::int32_t JudgeSlice(const StepBuilder& step, std::size_t slice, const StepResult& result,
                          ActiveTurn& turn);

  const SpeculationOptions options_;
  std::vector<std::int32_t> counted_;  // by slice
  std::int32_t wasted_rows_ = 0;
  std::int64_t drafted_ = 0;
  std::int64_t accepted_ = 0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_SPECULATOR_H_

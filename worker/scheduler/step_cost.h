// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SCHEDULER_STEP_COST_H_
#define PINTLE_WORKER_SCHEDULER_STEP_COST_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace pintle {

// What steps of this engine have cost: the time of a step that only decodes, by how many rows it
// has, and the time each prompt row adds. From it follows how many prompt rows a step may take
// beside decoding sequences before their next tokens come late (Agrawal et al. 2024,
// "Sarathi-Serve", chooses chunks so; here the cost is measured instead of profiled).
// Thread: confined to one. Deterministic. Never fails.
class StepCost {
 public:
  // A step with `decode_rows` rows of decoding sequences and `prompt_rows` of prompts took `time`.
  void Observe(std::int32_t decode_rows, std::int32_t prompt_rows, absl::Duration time);

  // Prompt rows that keep a step with `decode_rows` within `target`, which is zero for 2.2 times
  // the time of the same step without prompts. As many as there are when nothing decodes or nothing
  // was measured yet; 0 when the decoding alone takes longer.
  std::int32_t PromptRowsWithin(std::int32_t decode_rows, absl::Duration target) const;

 private:
  // Steps of 1, 2-3, 4-7, ... rows: within a factor of two the weights' read dominates.
  static constexpr int kBuckets = 12;
  static int BucketOf(std::int32_t rows);
  // Seconds of a step that decodes so many rows; 0 while nothing near was measured.
  double DecodeSeconds(std::int32_t rows) const;

  std::array<double, kBuckets> decode_seconds_{};
  double prompt_row_seconds_ = 0.0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SCHEDULER_STEP_COST_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SPECULATION_ROW_COST_H_
#define PINTLE_WORKER_SPECULATION_ROW_COST_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace pintle {

// What steps without prompts have cost by their exact number of rows, up to kRows: whether another
// row is nearly free (the weights are read anyway) or as dear as the first.
// What was not seen lies on the line between its neighbours, or on the one that the narrowest and
// the widest seen begin. What was dear is slowly forgotten, so that it is tried again.
// Thread: confined to one. Deterministic. Never fails.
class RowCost {
 public:
  // Steps with more rows are bound by arithmetic: each row costs its own.
  static constexpr std::int32_t kRows = 64;

  // A step of `rows` rows, all of them of decoding sequences, took `time`.
  void Observe(std::int32_t rows, absl::Duration time);
  // Seconds of such a step; 0 while nothing was measured for `rows` or fewer.
  // Requires: 1 <= rows <= kRows.
  double Seconds(std::int32_t rows) const;
  // Most rows seen; 0 before the first step.
  std::int32_t Widest() const;

 private:
  struct Figure {
    double seconds = 0;  // 0: never seen
    std::int32_t seen = 0;
  };
  // On the line through two that were seen.
  double Line(std::size_t from, std::size_t to, std::size_t at) const;

  std::array<Figure, kRows + 1> figures_;  // by rows
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SPECULATION_ROW_COST_H_

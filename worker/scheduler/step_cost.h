// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SCHEDULER_STEP_COST_H_
#define PINTLE_WORKER_SCHEDULER_STEP_COST_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace pintle {

// What steps of this engine have cost: the time of a step that only decodes by its rows, and what
// each row of a prompt adds to it. From the one follows whether a draft's row is nearly free (the
// weights are read anyway) or as dear as the first; from both, how many rows of prompts a step may
// take before the decoding sequences' next tokens come late (Agrawal et al. 2024, "Sarathi-Serve",
// chooses chunks so; here the cost is measured instead of profiled).
// Thread: confined to one. Deterministic. Never fails.
class StepCost {
 public:
  // Decoding steps up to this wide have a figure for each number of rows, wider ones share one
  // with at most an eighth more: they are bound by arithmetic, and each row costs its own.
  static constexpr std::int32_t kExactRows = 64;

  // A step with `decode_rows` rows of sequences that decode, their drafts included, and
  // `prompt_rows` of what was known before, took `time`.
  void Observe(std::int32_t decode_rows, std::int32_t prompt_rows, absl::Duration time);

  // Seconds of a step that only decodes; 0 while nothing was measured for `rows` or fewer. What was
  // not seen lies on the line between its neighbours, or on the one that the narrowest and the
  // widest seen begin. What was dear is slowly forgotten, so that it is tried again.
  // Requires: rows >= 1.
  double DecodeSeconds(std::int32_t rows) const;
  // Most rows of a step that only decoded; 0 before the first.
  std::int32_t WidestDecode() const;

  // Prompt rows that keep a step with `decode_rows` within `target`, which is zero for
  // Slowdown(decode_rows, prompts) times the same step without prompts. As many as there are when
  // nothing decodes or nothing was measured yet; 0 when the decoding alone takes longer.
  std::int32_t PromptRowsWithin(std::int32_t decode_rows, std::int32_t prompts,
                                absl::Duration target) const;

  // How much slower `decode_rows` streams may get, without a target, while `prompts` wait for
  // their first token. One prompt must not make many streams stutter; where many wait for the sake
  // of few streams, chats of short turns spend their time in the queue. Tokens per second hardly
  // depend on it. Requires: decode_rows >= 1.
  static double Slowdown(std::int32_t decode_rows, std::int32_t prompts);

 private:
  struct Figure {
    double seconds = 0;
    std::int32_t seen = 0;  // 0: no figure
  };
  // kExactRows figures, then eight for each doubling, up to 4,096 rows.
  static constexpr std::size_t kFigures = kExactRows + 8 * 6;
  static std::size_t FigureOf(std::int32_t rows);
  static std::int32_t RowsOf(std::size_t figure);

  void ObserveDecode(std::int32_t rows, double seconds);
  void ObservePrompt(std::int32_t decode_rows, std::int32_t prompt_rows, double seconds);
  // On the line through two figures.
  double Line(std::size_t from, std::size_t to, std::int32_t rows) const;
  // Seconds of the decoding in a step with prompts; 0 while none were measured.
  double DecodePart(std::int32_t rows) const;

  std::array<Figure, kFigures> figures_;  // of steps that only decode
  // What decoding costs now against the figures, learned from steps with prompts: where prompts
  // never end, no step only decodes while the streams' contexts grow.
  double drift_ = 1;
  double prompt_row_seconds_ = 0;  // what a prompt's row adds
  bool beside_decoding_ = false;   // that was seen in a step that decoded too
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SCHEDULER_STEP_COST_H_

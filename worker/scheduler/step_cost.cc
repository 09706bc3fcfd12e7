// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/step_cost.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace pintle {
namespace {

constexpr std::int32_t kUnbounded = std::numeric_limits<std::int32_t>::max();
// A new figure's least weight: a disturbance of the machine is forgotten after some ten steps.
constexpr double kWeight = 0.1;
// What a step of other width takes off the excess of a figure over its own: after a thousand steps
// little is left of what nobody has measured since.
constexpr double kForgetting = 1.0 / 1024;
// A figure of one or two steps may be an accident, and is tried again soon.
constexpr std::int32_t kTrusted = 3;
constexpr double kForgettingSoon = 1.0 / 32;
// Fewer prompt rows than these are a prompt's rest, which hides behind the weights' read.
constexpr std::int32_t kRowsTaught = 8;
// A step with prompts that seems dearer or cheaper by more than this factor was disturbed, or the
// machine has changed, which the steps after it will say too.
constexpr double kSurprise = 2.0;
// Figures that are wrong by more are soon measured again or of no use.
constexpr double kDriftMax = 8.0;
// Streams' contexts grow by a token a step, a prompt's by all its rows: most of what is dearer than
// expected is the prompt's. Twice as much has streams wait longer beside a long prompt.
constexpr double kDriftWeight = 1.0 / 128;
// What one prompt makes of running streams' pace, and each further one for each stream. With 8, the
// first tokens of 16 chats of short turns come in half the time they take with 0, the tokens after
// them by a half later, and a turn as a whole a tenth sooner (a simulation with measured costs).
constexpr double kSlowdown = 2.2;
constexpr double kSlowdownMore = 8.0;

int WidthOf(std::int32_t rows) { return std::bit_width(static_cast<std::uint32_t>(rows)); }

}  // namespace

std::size_t StepCost::FigureOf(std::int32_t rows) {
  if (rows <= kExactRows) return static_cast<std::size_t>(rows) - 1;
  const int doubling = WidthOf(rows) - WidthOf(kExactRows);
  const auto eighth = static_cast<std::size_t>(rows >> (doubling + 3)) & 7;
  return std::min(kExactRows + 8 * static_cast<std::size_t>(doubling) + eighth - 1, kFigures - 1);
}

std::int32_t StepCost::RowsOf(std::size_t figure) {
  if (figure < kExactRows) return static_cast<std::int32_t>(figure) + 1;
  const auto beyond = static_cast<std::int32_t>(figure) + 1 - kExactRows;
  return (8 + beyond % 8) << (beyond / 8 + 3);
}

void StepCost::Observe(std::int32_t decode_rows, std::int32_t prompt_rows, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  if (seconds <= 0) return;
  if (prompt_rows >= kRowsTaught) {
    ObservePrompt(decode_rows, prompt_rows, seconds);
  } else if (prompt_rows == 0 && decode_rows > 0) {
    ObserveDecode(decode_rows, seconds);
  }
}

void StepCost::ObserveDecode(std::int32_t rows, double seconds) {
  const std::size_t width = FigureOf(rows);
  Figure& figure = figures_[width];
  figure.seen = std::min(figure.seen + 1, kTrusted);
  figure.seconds += std::max(kWeight, 1.0 / figure.seen) * (seconds - figure.seconds);
  drift_ += kWeight * (1 - drift_);
  for (std::size_t wider = width + 1; wider < figures_.size(); ++wider) {
    Figure& other = figures_[wider];
    if (other.seconds <= figure.seconds) continue;
    other.seconds -= (other.seen < kTrusted ? kForgettingSoon : kForgetting) *
                     (other.seconds - figure.seconds);
  }
}

void StepCost::ObservePrompt(std::int32_t decode_rows, std::int32_t prompt_rows, double seconds) {
  if (decode_rows == 0) {
    // A prompt by itself pays the weights' read too, so its rows are dearer: better than no price.
    if (!beside_decoding_) prompt_row_seconds_ = seconds / prompt_rows;
    return;
  }
  const double decode = DecodePart(decode_rows);
  if (!beside_decoding_) {
    beside_decoding_ = seconds > decode;
    if (beside_decoding_) prompt_row_seconds_ = (seconds - decode) / prompt_rows;
    return;
  }
  // Both parts move, each by its share in the sum (normalised least mean squares).
  const double prompt = prompt_rows * prompt_row_seconds_;
  const double expected = decode + prompt;
  const double error =
      std::clamp(seconds, expected / kSurprise, expected * kSurprise) - expected;
  const double share = error / (decode * decode + prompt * prompt);
  drift_ = std::clamp(drift_ * (1 + kDriftWeight * share * decode), 1 / kDriftMax, kDriftMax);
  prompt_row_seconds_ *= std::max(0.5, 1 + kWeight * share * prompt);
}

double StepCost::DecodeSeconds(std::int32_t rows) const {
  const std::size_t width = FigureOf(rows);
  if (figures_[width].seen > 0) return figures_[width].seconds;
  std::size_t below = width;
  while (below > 0 && figures_[below].seen == 0) --below;
  if (figures_[below].seen == 0) return 0;
  std::size_t above = width;
  while (above < figures_.size() && figures_[above].seen == 0) ++above;
  if (above < figures_.size()) return Line(below, above, rows);
  std::size_t narrowest = 0;
  while (figures_[narrowest].seen == 0) ++narrowest;
  if (narrowest == below) return figures_[below].seconds;
  return std::max(figures_[below].seconds, Line(narrowest, below, rows));
}

double StepCost::Line(std::size_t from, std::size_t to, std::int32_t rows) const {
  return figures_[from].seconds + (figures_[to].seconds - figures_[from].seconds) *
                                      (rows - RowsOf(from)) / (RowsOf(to) - RowsOf(from));
}

std::int32_t StepCost::WidestDecode() const {
  std::size_t figure = figures_.size();
  while (figure > 0 && figures_[figure - 1].seen == 0) --figure;
  return figure == 0 ? 0 : RowsOf(figure - 1);
}

double StepCost::DecodePart(std::int32_t rows) const {
  double least = DecodeSeconds(rows);
  // A narrower step is not dearer than a wider one: it was measured at a worse moment.
  for (std::size_t i = FigureOf(rows); i < figures_.size(); ++i) {
    if (figures_[i].seen > 0 && (least <= 0 || figures_[i].seconds < least)) {
      least = figures_[i].seconds;
    }
  }
  return least * drift_;
}

double StepCost::Slowdown(std::int32_t decode_rows, std::int32_t prompts) {
  return kSlowdown + kSlowdownMore * std::max(0, prompts - 1) / decode_rows;
}

std::int32_t StepCost::PromptRowsWithin(std::int32_t decode_rows, std::int32_t prompts,
                                        absl::Duration target) const {
  if (decode_rows <= 0 || prompt_row_seconds_ <= 0) return kUnbounded;
  const double decode = DecodePart(decode_rows);
  const double limit =
      target > absl::ZeroDuration() ? absl::ToDoubleSeconds(target)
                                    : Slowdown(decode_rows, prompts) * decode;
  if (limit <= 0) return kUnbounded;
  const double rows = std::max(0.0, limit - decode) / prompt_row_seconds_;
  return rows >= kUnbounded ? kUnbounded : static_cast<std::int32_t>(rows);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/speculation/row_cost.h"

#include <algorithm>

namespace pintle {
namespace {

// A new figure's least weight: a disturbance of the machine is forgotten after some ten steps.
constexpr double kWeight = 0.1;
// What a step of other width takes off the excess of a figure over its own: after a thousand steps
// little is left of what nobody has measured since.
constexpr double kForgetting = 1.0 / 1024;
// A figure of one or two steps may be an accident, and is tried again soon.
constexpr std::int32_t kTrusted = 3;
constexpr double kForgettingSoon = 1.0 / 32;

}  // namespace

void RowCost::Observe(std::int32_t rows, absl::Duration time) {
  const double seconds = absl::ToDoubleSeconds(time);
  if (rows < 1 || rows > kRows || seconds <= 0) return;
  const auto width = static_cast<std::size_t>(rows);
  Figure& figure = figures_[width];
  figure.seen = std::min(figure.seen + 1, kTrusted);
  figure.seconds += std::max(kWeight, 1.0 / figure.seen) * (seconds - figure.seconds);
  for (std::size_t wider = width + 1; wider < figures_.size(); ++wider) {
    Figure& other = figures_[wider];
    if (other.seconds <= figure.seconds) continue;
    other.seconds -= (other.seen < kTrusted ? kForgettingSoon : kForgetting) *
                     (other.seconds - figure.seconds);
  }
}

double RowCost::Seconds(std::int32_t rows) const {
  const auto width = static_cast<std::size_t>(rows);
  std::size_t below = width;
  while (below > 0 && figures_[below].seen == 0) --below;
  if (below == 0) return 0;
  std::size_t above = width;
  while (above < figures_.size() && figures_[above].seen == 0) ++above;
  if (above == below) return figures_[below].seconds;
  if (above == figures_.size()) {
    std::size_t narrowest = 1;
    while (figures_[narrowest].seen == 0) ++narrowest;
    if (narrowest == below) return figures_[below].seconds;
    return std::max(figures_[below].seconds, Line(narrowest, below, width));
  }
  return Line(below, above, width);
}

double RowCost::Line(std::size_t from, std::size_t to, std::size_t at) const {
  return figures_[from].seconds + (figures_[to].seconds - figures_[from].seconds) *
                                      static_cast<double>(at - from) /
                                      static_cast<double>(to - from);
}

std::int32_t RowCost::Widest() const {
  std::size_t rows = figures_.size() - 1;
  while (rows > 0 && figures_[rows].seen == 0) --rows;
  return static_cast<std::int32_t>(rows);
}

}  // namespace pintle

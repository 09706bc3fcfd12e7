// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_HIT_RATIO_PLOT_H_
#define PINTLE_CLI_HIT_RATIO_PLOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/laboratory/simulation.h"

namespace pintle {

// An SVG picture of hit ratio by capacity: one line a policy, capacities on a logarithmic axis,
// names at the right in the order of the lines' ends, the bound dashed. Self-contained; equal
// points give equal bytes. `title` is escaped. Requires: at least one point.
std::string HitRatioPlot(const std::vector<laboratory::SimulationPoint>& points,
                         std::int64_t unique_blocks, absl::string_view title);

}  // namespace pintle

#endif  // PINTLE_CLI_HIT_RATIO_PLOT_H_

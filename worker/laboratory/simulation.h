// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_LABORATORY_SIMULATION_H_
#define PINTLE_WORKER_LABORATORY_SIMULATION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "worker/laboratory/trace.h"

namespace pintle::laboratory {

// One policy at one capacity.
struct SimulationPoint {
  std::string policy;
  std::int32_t capacity_blocks = 0;
  double hit_ratio = 0;

  friend bool operator==(const SimulationPoint&, const SimulationPoint&) = default;
};

// Told of each finished replay: how many of how many. From any thread, one call at a time.
using SimulationProgress = std::function<void(std::int32_t done, std::int32_t of)>;

// Every policy's name: the worker's and `belady`, the bound.
std::vector<std::string> SimulationPolicies();
// "all" or a comma-separated list of names. INVALID_FIELD for an unknown one.
absl::StatusOr<std::vector<std::string>> ParsePolicies(absl::string_view text);
// A comma-separated list: with a decimal point a fraction of the trace's unique blocks, rounded
// down (to 0 for a short trace), else blocks. INVALID_FIELD for what is neither, or 0 blocks.
absl::StatusOr<std::vector<std::int32_t>> ParseCapacities(absl::string_view text,
                                                          std::int64_t unique_blocks);

// Replays the trace once for each policy and capacity, on at most `threads` threads. The answer is
// in the order of `policies`, then `capacities`, whatever the threads do.
absl::StatusOr<std::vector<SimulationPoint>> Simulate(const Trace& trace,
                                                      const std::vector<std::string>& policies,
                                                      const std::vector<std::int32_t>& capacities,
                                                      std::int32_t threads,
                                                      const SimulationProgress& progress);

}  // namespace pintle::laboratory

#endif  // PINTLE_WORKER_LABORATORY_SIMULATION_H_

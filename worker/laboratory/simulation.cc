// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/simulation.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "contract/errors.h"
#include "worker/kv/policy_registry.h"
#include "worker/laboratory/belady_policy.h"
#include "worker/laboratory/chain_sessions.h"
#include "worker/laboratory/replay.h"

namespace pintle::laboratory {
namespace {

constexpr absl::string_view kBelady = "belady";
// The policies' index of a block is 32 bits wide, and a replay needs room for a request beside it.
constexpr std::int64_t kCapacityMax = std::int64_t{1} << 30;
// More are no picture any more.
constexpr std::size_t kCapacitiesMax = 64;

absl::StatusOr<std::int64_t> ParseCapacity(absl::string_view text, std::int64_t unique_blocks) {
  if (absl::StrContains(text, '.')) {
    double fraction = 0;
    if (!absl::SimpleAtod(text, &fraction) || !(fraction > 0) || fraction > 1e6) {
      return InvalidField("capacity", absl::StrCat("has ", text, ", which is no fraction above 0"));
    }
    // The least bit more than the decimal said, so that 0.01 of 100 blocks is 1 and not 0.
    const double blocks = fraction * static_cast<double>(unique_blocks) * (1 + 1e-12);
    return blocks >= static_cast<double>(kCapacityMax) ? kCapacityMax
                                                       : static_cast<std::int64_t>(blocks);
  }
  std::int64_t blocks = 0;
  if (!absl::SimpleAtoi(text, &blocks)) {
    return InvalidField("capacity", absl::StrCat("has ", text, ", which is no number of blocks"));
  }
  return blocks;
}

}  // namespace

std::vector<std::string> SimulationPolicies() {
  std::vector<std::string> names;
  for (const absl::string_view name : kv::PolicyNames()) names.emplace_back(name);
  names.emplace_back(kBelady);
  return names;
}

absl::StatusOr<std::vector<std::string>> ParsePolicies(absl::string_view text) {
  const std::vector<std::string> known = SimulationPolicies();
  if (text == "all") return known;
  std::vector<std::string> names;
  for (const absl::string_view name : absl::StrSplit(text, ',')) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return InvalidField("policy", absl::StrCat("has ", name, ", not all and not one of: ",
                                                 absl::StrJoin(known, ", ")));
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
  }
  return names;
}

absl::StatusOr<std::vector<std::int32_t>> ParseCapacities(absl::string_view text,
                                                          std::int64_t unique_blocks) {
  std::vector<std::int32_t> capacities;
  for (const absl::string_view part : absl::StrSplit(text, ',')) {
    const absl::StatusOr<std::int64_t> blocks = ParseCapacity(part, unique_blocks);
    if (!blocks.ok()) return blocks.status();
    // A small share of a short trace is no block at all, which is a cache that never hits.
    const std::int64_t least = absl::StrContains(part, '.') ? 0 : 1;
    if (*blocks < least || *blocks > kCapacityMax) {
      return InvalidField("capacity", absl::StrCat("has ", part, ", which is ", *blocks,
                                                   " blocks; it takes 1 to ", kCapacityMax));
    }
    capacities.push_back(static_cast<std::int32_t>(*blocks));
    if (capacities.size() > kCapacitiesMax) {
      return InvalidField("capacity", absl::StrCat("has more than ", kCapacitiesMax, " values"));
    }
  }
  return capacities;
}

absl::StatusOr<std::vector<SimulationPoint>> Simulate(const Trace& trace,
                                                      const std::vector<std::string>& policies,
                                                      const std::vector<std::int32_t>& capacities,
                                                      std::int32_t threads,
                                                      const SimulationProgress& progress) {
  const std::vector<Turn> turns = FindSessions(trace);
  const Foresight foresight(trace);
  std::vector<SimulationPoint> points;
  for (const std::string& policy : policies) {
    for (const std::int32_t capacity : capacities) points.push_back({policy, capacity, 0});
  }
  std::vector<absl::Status> failures(points.size());
  std::atomic<std::size_t> next = 0;
  std::mutex done_mutex;  // guards done and the calls of progress
  std::int32_t done = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < points.size(); i = next++) {
      SimulationPoint& point = points[i];
      // No cache needs more than all there is; the rest would only be memory.
      const std::int32_t capacity = std::min(point.capacity_blocks, trace.nodes());
      const auto result = Replay(
          trace, turns, capacity,
          [&](std::int32_t blocks, const ReplayTree& tree)
              -> absl::StatusOr<std::unique_ptr<kv::EvictionPolicy>> {
            if (point.policy == kBelady) {
              return std::make_unique<BeladyPolicy>(blocks, tree, foresight);
            }
            return kv::MakePolicy(point.policy, blocks, tree);
          });
      if (result.ok()) {
        point.hit_ratio = result->hit_ratio();
      } else {
        failures[i] = result.status();
      }
      const std::lock_guard<std::mutex> lock(done_mutex);
      ++done;
      if (progress) progress(done, static_cast<std::int32_t>(points.size()));
    }
  };
  std::vector<std::thread> pool;
  for (std::int32_t i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  for (const absl::Status& failure : failures) {
    if (!failure.ok()) return failure;
  }
  return points;
}

}  // namespace pintle::laboratory

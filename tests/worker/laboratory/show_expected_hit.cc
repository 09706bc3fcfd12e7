// SPDX-License-Identifier: Apache-2.0
// The hit ratio that the worker's sampler expects of LRU beside the exact one of a replay, on the
// trace given as the only argument; prints both with their bound, and PASS or FAIL.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "worker/kv/reuse_sampler.h"
#include "worker/laboratory/simulation.h"
#include "worker/laboratory/trace_reader.h"

namespace pintle {
namespace {

constexpr double kErrorMax = 0.03;
// As many as a worker takes.
constexpr std::int32_t kSamples = 16384;
constexpr char kCapacities[] = "0.01,0.02,0.05,0.10,0.20,0.50";

std::vector<double> Sampled(const laboratory::Trace& trace,
                            const std::vector<std::int32_t>& capacities) {
  const kv::BlockHash hash({0x5eed, 0xb10c});
  kv::ReuseSampler sampler({capacities.begin(), capacities.end()}, kSamples);
  std::vector<kv::Hash128> chain;
  for (std::int32_t request = 0; request < trace.requests(); ++request) {
    chain.clear();
    for (const laboratory::Node node : trace.Path(request)) {
      chain.push_back(hash.Extend(kv::Hash128{}, {&node, 1}));
    }
    sampler.Lookup(chain);
  }
  std::printf("%d requests, %lld references, %d samples of 1 block in %.1f\n", trace.requests(),
              static_cast<long long>(trace.references()), kSamples, 1 / sampler.rate());
  std::vector<double> ratios;
  for (std::size_t i = 0; i < capacities.size(); ++i) ratios.push_back(sampler.HitRatio(i));
  return ratios;
}

int Show(const std::string& path) {
  std::ifstream file(path);
  const absl::StatusOr<laboratory::Trace> trace = laboratory::ReadTrace(file);
  if (!file.is_open() || !trace.ok()) {
    std::printf("NOT RUN: the trace cannot be read: %s\n", trace.status().ToString().c_str());
    return 1;
  }
  const auto capacities = laboratory::ParseCapacities(kCapacities, trace->unique_blocks());
  const auto exact = capacities.ok() ? laboratory::Simulate(*trace, {"lru"}, *capacities, 2,
                                                            [](std::int32_t, std::int32_t) {})
                                     : capacities.status();
  if (!exact.ok()) {
    std::printf("NOT RUN: %s\n", exact.status().ToString().c_str());
    return 1;
  }
  const std::vector<double> sampled = Sampled(*trace, *capacities);
  double worst = 0;
  for (std::size_t i = 0; i < sampled.size(); ++i) {
    const double error = std::abs(sampled[i] - (*exact)[i].hit_ratio);
    worst = std::max(worst, error);
    std::printf("capacity %7d blocks: exact %.4f, expected %.4f, error %.4f\n",
                (*exact)[i].capacity_blocks, (*exact)[i].hit_ratio, sampled[i], error);
  }
  std::printf("worst error %.4f, bound %.2f\n%s\n", worst, kErrorMax,
              worst <= kErrorMax ? "PASS" : "FAIL");
  return worst <= kErrorMax ? 0 : 1;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) {
  if (argc == 2) return pintle::Show(argv[1]);
  std::printf("NOT RUN: give a trace\n");
  return 1;
}

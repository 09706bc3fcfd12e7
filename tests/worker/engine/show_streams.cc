// SPDX-License-Identifier: Apache-2.0
// Must-show line 4 at the engine: 200 sessions x 256 tokens without a wrong token, in bounded
// memory, and at >= 98 % of their throughput beside one stream whose reader has stopped reading.
// Prints figures, bounds and PASS or FAIL; exits 0 or 1.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "tests/worker/engine/stream_load.h"

namespace {

constexpr int kPairs = 7;
constexpr double kRatioMin = 0.98;
constexpr long kGrowthKiBMax = 64 * 1024;

// Resident memory in KiB, or 0 where /proc does not tell.
long ResidentKiB() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr) return 0;
  char line[256];
  long kib = 0;
  while (std::fgets(line, sizeof(line), file) != nullptr) {
    if (std::strncmp(line, "VmRSS:", 6) == 0) std::sscanf(line + 6, "%ld", &kib);
  }
  std::fclose(file);
  return kib;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

const char* Verdict(bool good) { return good ? "PASS" : "FAIL"; }

}  // namespace

int main() {
  pintle::StreamLoad load(200, 256);
  const long before = ResidentKiB();
  std::int64_t wrong = 0;
  std::vector<double> alone, beside;
  const auto run = [&](std::vector<double>& rates) {
    const pintle::StreamLoad::Result result = load.Run(absl::Seconds(5));
    wrong += result.wrong_turns + result.failed_turns;
    rates.push_back(result.TokensPerSecond());
    return static_cast<double>(result.tokens) / result.cpu_seconds;
  };
  std::vector<double> cpu_alone, cpu_beside, warm_up;
  run(warm_up);
  for (int pair = 0; pair < kPairs; ++pair) {
    // The order alternates, so that a machine that slows down or speeds up favours neither.
    for (const bool blocked : {pair % 2 == 1, pair % 2 == 0}) {
      if (blocked) load.StartBlocked(300000);
      const double per_cpu_second = run(blocked ? beside : alone);
      (blocked ? cpu_beside : cpu_alone).push_back(per_cpu_second);
      if (blocked) load.StopBlocked();
    }
    std::printf("run %d: %.0f tokens/s alone, %.0f beside a blocked reader\n", pair + 1,
                alone.back(), beside.back());
    std::fflush(stdout);
  }
  const long growth = ResidentKiB() - before;
  const double ratio = Median(beside) / Median(alone);
  std::printf("wrong or failed turns %lld, bound 0: %s\n", static_cast<long long>(wrong),
              Verdict(wrong == 0));
  std::printf("RSS growth %ld KiB, bound %ld: %s\n", growth, kGrowthKiBMax,
              Verdict(growth <= kGrowthKiBMax));
  std::printf("throughput beside a blocked reader %.4f of alone (medians of %d), bound %.2f: %s\n",
              ratio, kPairs, kRatioMin, Verdict(ratio >= kRatioMin));
  // No bound: it tells a busy machine (this stays near 1) from a slower engine (it does not).
  std::printf("tokens per CPU second beside / alone: %.4f\n",
              Median(cpu_beside) / Median(cpu_alone));
  return wrong == 0 && growth <= kGrowthKiBMax && ratio >= kRatioMin ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/core_pinning.h"

#include <sched.h>

namespace pintle::model::cpu {

std::optional<CorePinning> ParseCorePinning(std::string_view text) {
  if (text == "off") return CorePinning::kOff;
  if (text == "on") return CorePinning::kOn;
  if (text == "auto") return CorePinning::kAuto;
  return std::nullopt;
}

std::vector<int> CoresOf(CorePinning pinning, int threads, absl::Span<const int> allowed) {
  const auto wanted = static_cast<std::size_t>(threads);
  if (pinning == CorePinning::kOff || wanted > allowed.size()) return {};
  if (pinning == CorePinning::kAuto && wanted < allowed.size()) return {};
  return {allowed.begin(), allowed.begin() + threads};
}

std::vector<int> AllowedCores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  // Fails on machines of more processors than the set holds: then nobody is pinned.
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(static_cast<std::size_t>(core), &set)) cores.push_back(core);
  }
  return cores;
}

void PinThisThread(int core) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<std::size_t>(core), &set);
  sched_setaffinity(0, sizeof(set), &set);
}

}  // namespace pintle::model::cpu

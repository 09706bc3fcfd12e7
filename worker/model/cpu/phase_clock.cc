// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/phase_clock.h"

#include <chrono>

namespace pintle::model::cpu {

std::int64_t PhaseClock::SteadyNanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

absl::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kOutside: return "outside";
    case Phase::kEmbed: return "embed";
    case Phase::kNorm: return "norm";
    case Phase::kQkv: return "qkv";
    case Phase::kHeads: return "heads";
    case Phase::kAttention: return "attention";
    case Phase::kOut: return "out";
    case Phase::kGateUp: return "gate_up";
    case Phase::kDown: return "down";
    case Phase::kHead: return "head";
    case Phase::kSample: return "sample";
    case Phase::kWait: return "wait";
  }
  return "";
}

void PhaseClock::Mark(int thread, Phase phase) {
  Account& account = threads_[static_cast<std::size_t>(thread)];
  const std::int64_t now = now_();
  if (account.since != 0) {
    account.spent[static_cast<std::size_t>(account.phase)] += now - account.since;
  }
  account.phase = phase;
  account.since = now;
}

double PhaseClock::Seconds(int thread, Phase phase) const {
  const Account& account = threads_[static_cast<std::size_t>(thread)];
  return static_cast<double>(account.spent[static_cast<std::size_t>(phase)]) * 1e-9;
}

void PhaseClock::Clear() {
  for (Account& account : threads_) account = Account();
}

}  // namespace pintle::model::cpu

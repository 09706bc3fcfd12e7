// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_PHASE_CLOCK_H_
#define PINTLE_WORKER_MODEL_CPU_PHASE_CLOCK_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"

namespace pintle::model::cpu {

// What a compute thread does within a step.
enum class Phase : std::uint8_t {
  kOutside,  // between two steps
  kEmbed,
  kNorm,
  kQkv,
  kHeads,  // norms, rope, storing K and V
  kAttention,
  kOut,
  kGateUp,
  kDown,
  kHead,
  kSample,
  kWait,  // at a barrier
};
inline constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::kWait) + 1;

absl::string_view PhaseName(Phase phase);

// Where the time of steps goes, by thread and phase. For bench/profile: nobody else gives a forward
// pass a clock, and without one a mark costs a comparison.
// Thread: each thread marks its own; Seconds and Clear between two steps.
class PhaseClock {
 public:
  // Nanoseconds of a monotonic clock, above 0.
  using Now = std::int64_t (*)();

  // Requires: threads >= 1.
  explicit PhaseClock(int threads, Now now = SteadyNanoseconds)
      : now_(now), threads_(static_cast<std::size_t>(threads)) {}

  // The thread enters the phase; the time since its last mark was the phase before.
  void Mark(int thread, Phase phase);
  // Seconds the thread has spent in the phase since Clear.
  double Seconds(int thread, Phase phase) const;
  void Clear();
  int threads() const { return static_cast<int>(threads_.size()); }

  static std::int64_t SteadyNanoseconds();

 private:
  // On cache lines of its own, for the others write theirs at the same time.
  struct alignas(64) Account {
    Phase phase = Phase::kOutside;
    std::int64_t since = 0;  // 0 before the first mark
    std::array<std::int64_t, kPhases> spent{};
  };

  const Now now_;
  std::vector<Account> threads_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_PHASE_CLOCK_H_

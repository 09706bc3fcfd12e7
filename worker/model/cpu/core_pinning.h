// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_CORE_PINNING_H_
#define PINTLE_WORKER_MODEL_CPU_CORE_PINNING_H_

#include <optional>
#include <string_view>
#include <vector>

#include "absl/types/span.h"

namespace pintle::model::cpu {

// Whether each compute thread keeps a processor of its own. Without it the kernel, when it wakes
// a thread of the server, now and then puts two compute threads on one processor; the others of
// the step then wait at the next barrier for milliseconds.
enum class CorePinning {
  kOff,
  kOn,
  // Where the pool takes all processors this process may use: then pinning takes nothing from
  // anybody. With processors to spare the kernel may know a quieter one than we do.
  kAuto,
};

// "off", "on" or "auto".
std::optional<CorePinning> ParseCorePinning(std::string_view text);

// The processors of a pool of `threads`, one each; empty: they are not pinned. `allowed` are
// those the process may use; with fewer of them than threads nobody is pinned.
std::vector<int> CoresOf(CorePinning pinning, int threads, absl::Span<const int> allowed);

// The processors the calling thread may use, in rising order.
std::vector<int> AllowedCores();

// Confines the calling thread to `core`. A system that refuses leaves it where it was: pinning
// changes speed only.
void PinThisThread(int core);

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_CORE_PINNING_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_STAGE_SHARES_H_
#define PINTLE_WORKER_MODEL_CPU_STAGE_SHARES_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "worker/model/cpu/thread_share.h"

namespace pintle::model::cpu {

// Who does which items of a stage (panels, heads, attention tasks). Each thread works its own share
// off from the front; one that is done takes what others have not begun. So a thread whose core was
// needed for something else, or whose memory was slower, keeps the others at the next barrier for
// one small piece and not for all it is behind.
// Thread: Run by every compute thread of a step, all of them in each stage and in the same order,
// with a barrier between two stages.
// Which thread does an item is chance; what it computes must not depend on it.
class StageShares {
 public:
  explicit StageShares(int threads) : slots_(static_cast<std::size_t>(threads)) {}

  // Calls work(begin, end) until all of [0, total) was given out, to this thread or another.
  // A thread's own share is ThreadShare's.
  using Work = absl::FunctionRef<void(std::int32_t begin, std::int32_t end)>;
  void Run(int thread, std::int32_t total, Work work);
  // The same where thread t's own share is [ends[t - 1], ends[t]).
  // Requires: an end per thread.
  void Run(int thread, absl::Span<const std::size_t> ends, Work work);

 private:
  struct alignas(64) Slot {
    // Items of this thread's share that were given out, of even and of odd stages.
    std::atomic<std::int32_t> given[2] = {};
    std::uint32_t stage = 0;  // of this thread, which alone reads it
  };

  void RunShares(int thread, absl::FunctionRef<ThreadShare(int)> share_of, Work work);

  std::vector<Slot> slots_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_STAGE_SHARES_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_THREAD_SHARE_H_
#define PINTLE_WORKER_MODEL_CPU_THREAD_SHARE_H_

#include <cstdint>

namespace pintle::model::cpu {

// One thread's part of `total` equal items, contiguous, sizes differing by at most one.
struct ThreadShare {
  std::int32_t begin = 0;
  std::int32_t end = 0;

  ThreadShare(std::int32_t total, int threads, int thread)
      : begin(static_cast<std::int32_t>(std::int64_t{total} * thread / threads)),
        end(static_cast<std::int32_t>(std::int64_t{total} * (thread + 1) / threads)) {}
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_THREAD_SHARE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_MODEL_CPU_PAGE_FILLER_H_
#define PINTLE_WORKER_MODEL_CPU_PAGE_FILLER_H_

#include <atomic>
#include <cstddef>
#include <thread>

namespace pintle::model::cpu {

// Has the kernel find the pages of a stretch of memory before somebody writes there: a page found
// in the middle of a step stalls all compute threads (a huge page takes 0.1 ms, on a virtual
// machine whose host must find it too some 5 ms). A thread of its own, at low priority, goes
// through the stretch once from its start, where a pool is used first. A kernel older than 5.14
// cannot be asked; pages then come as they are written.
// Thread: any. Does not own the memory, which outlives the object; changes no byte of it.
// Cannot fail.
class PageFiller {
 public:
  PageFiller(std::byte* base, std::size_t bytes);
  // Returns when the huge page under way is there; the rest comes as it is written.
  ~PageFiller();
  PageFiller(const PageFiller&) = delete;
  PageFiller& operator=(const PageFiller&) = delete;

  // Waits until the whole stretch is there.
  void Finish();

 private:
  void Fill(std::byte* base, std::size_t bytes);

  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace pintle::model::cpu

#endif  // PINTLE_WORKER_MODEL_CPU_PAGE_FILLER_H_

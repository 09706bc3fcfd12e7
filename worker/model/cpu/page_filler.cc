// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/page_filler.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdint>

namespace pintle::model::cpu {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Low enough to leave a busy processor to the steps, which find their own pages if need be.
constexpr int kNice = 10;

}  // namespace

PageFiller::PageFiller(std::byte* base, std::size_t bytes)
    : thread_([this, base, bytes] { Fill(base, bytes); }) {}

PageFiller::~PageFiller() {
  stopping_.store(true, std::memory_order_relaxed);
  if (thread_.joinable()) thread_.join();
}

void PageFiller::Finish() {
  if (thread_.joinable()) thread_.join();
}

void PageFiller::Fill(std::byte* base, std::size_t bytes) {
  pthread_setname_np(pthread_self(), "pages");
  setpriority(PRIO_PROCESS, 0, kNice);  // on Linux, of this thread alone
  std::size_t done = 0;
  while (done < bytes && !stopping_.load(std::memory_order_relaxed)) {
    // Up to where the next huge page begins, so that each is found in one go.
    const std::size_t inside = reinterpret_cast<std::uintptr_t>(base + done) % kHugePage;
    const std::size_t piece = std::min(kHugePage - inside, bytes - done);
    if (madvise(base + done, piece, MADV_POPULATE_WRITE) != 0) return;
    done += piece;
  }
}

}  // namespace pintle::model::cpu

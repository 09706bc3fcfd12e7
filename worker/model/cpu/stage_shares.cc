// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/stage_shares.h"

#include <algorithm>

namespace pintle::model::cpu {
namespace {

// A thread begins with half of its share at once, the rest goes in about so many pieces: each costs
// a call of the kernel and a hundred cycles. 8 to 24 are equally fast.
constexpr std::int32_t kFirstPart = 2;
constexpr std::int32_t kPieces = 12;

}  // namespace

void StageShares::Run(int thread, std::int32_t total, Work work) {
  const auto threads = static_cast<int>(slots_.size());
  RunShares(thread, [&](int of) { return ThreadShare(total, threads, of); }, work);
}

void StageShares::Run(int thread, absl::Span<const std::size_t> ends, Work work) {
  RunShares(
      thread,
      [&](int of) {
        const auto index = static_cast<std::size_t>(of);
        ThreadShare share(0, 1, 0);
        share.begin = index == 0 ? 0 : static_cast<std::int32_t>(ends[index - 1]);
        share.end = static_cast<std::int32_t>(ends[index]);
        return share;
      },
      work);
}

void StageShares::RunShares(int thread, absl::FunctionRef<ThreadShare(int)> share_of, Work work) {
  Slot& mine = slots_[static_cast<std::size_t>(thread)];
  const std::size_t parity = mine.stage++ % 2;
  // The next stage's: who took from it in the stage before this one is past a barrier.
  mine.given[1 - parity].store(0, std::memory_order_relaxed);
  const auto threads = static_cast<int>(slots_.size());
  if (threads == 1) {
    const ThreadShare all = share_of(0);
    if (all.begin < all.end) work(all.begin, all.end);
    return;
  }
  for (int i = 0; i < threads; ++i) {
    const int of = (thread + i) % threads;
    const ThreadShare share = share_of(of);
    std::atomic<std::int32_t>& given = slots_[static_cast<std::size_t>(of)].given[parity];
    const std::int32_t size = share.end - share.begin;
    const std::int32_t piece = std::max(1, size / (kFirstPart * kPieces));
    std::int32_t wanted = i == 0 ? std::max(1, size / kFirstPart) : piece;
    // Nothing is read of what others wrote: the barriers order the stages.
    for (std::int32_t at = given.fetch_add(wanted, std::memory_order_relaxed); at < size;
         at = given.fetch_add(wanted, std::memory_order_relaxed)) {
      work(share.begin + at, share.begin + std::min(at + wanted, size));
      wanted = piece;
    }
  }
}

}  // namespace pintle::model::cpu

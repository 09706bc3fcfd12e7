// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/ghost_queue.h"

#include <algorithm>
#include <bit>

namespace pintle::kv {
namespace {

// Names are hashes, but tests cut them short: the multiplication spreads what is there.
std::uint64_t Spread(std::uint64_t content) { return content * 0x9E3779B97F4A7C15U; }
std::uint32_t MarkOf(std::uint64_t spread) { return static_cast<std::uint32_t>(spread) | 1U; }

}  // namespace

GhostQueue::GhostQueue(std::int32_t capacity)
    : capacity_(static_cast<std::uint32_t>(std::max(capacity, 1))),
      buckets_(std::bit_ceil((std::size_t{capacity_} * 2 + 7) / 8)) {}

GhostQueue::Bucket& GhostQueue::BucketOf(std::uint64_t spread) {
  return buckets_[(spread >> 32) & (buckets_.size() - 1)];
}

void GhostQueue::Add(std::uint64_t content) {
  if (content == 0) return;
  const std::uint64_t spread = Spread(content);
  Bucket& bucket = BucketOf(spread);
  Slot* slot = &bucket.slots[0];
  for (Slot& other : bucket.slots) {
    if (other.mark == 0 || other.mark == MarkOf(spread)) {
      slot = &other;
      break;
    }
    if (Age(other) > Age(*slot)) slot = &other;
  }
  *slot = Slot{MarkOf(spread), ++turn_};
}

bool GhostQueue::Take(std::uint64_t content) {
  if (content == 0) return false;
  const std::uint64_t spread = Spread(content);
  for (Slot& slot : BucketOf(spread).slots) {
    if (slot.mark != MarkOf(spread)) continue;
    const bool live = Age(slot) < capacity_;
    slot = Slot{};
    return live;
  }
  return false;
}

}  // namespace pintle::kv

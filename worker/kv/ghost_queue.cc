// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/ghost_queue.h"

#include <algorithm>
#include <bit>

namespace pintle::kv {

GhostQueue::GhostQueue(std::int32_t capacity)
    : capacity_(static_cast<std::uint64_t>(std::max(capacity, 1))),
      buckets_(std::bit_ceil((capacity_ * 2 + 3) / 4)) {}

GhostQueue::Bucket& GhostQueue::BucketOf(std::uint64_t content) {
  // Names are hashes, but tests cut them short: the multiplication spreads what is there.
  const std::uint64_t spread = content * 0x9E3779B97F4A7C15U;
  return buckets_[(spread >> 32) & (buckets_.size() - 1)];
}

void GhostQueue::Add(std::uint64_t content) {
  if (content == 0) return;
  Bucket& bucket = BucketOf(content);
  Slot* slot = &bucket[0];
  for (Slot& other : bucket) {
    if (other.content == content) {
      slot = &other;
      break;
    }
    if (other.turn < slot->turn) slot = &other;
  }
  *slot = Slot{content, ++turn_};
}

bool GhostQueue::Take(std::uint64_t content) {
  if (content == 0) return false;
  for (Slot& slot : BucketOf(content)) {
    if (slot.content != content) continue;
    const bool live = IsLive(slot);
    slot = Slot{};
    return live;
  }
  return false;
}

}  // namespace pintle::kv

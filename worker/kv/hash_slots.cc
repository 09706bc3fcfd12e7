// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/hash_slots.h"

#include <bit>

#include "contract/check.h"

namespace pintle::kv {

HashSlots::HashSlots(std::int32_t slots)
    : mask_(std::bit_ceil(static_cast<std::size_t>(slots)) - 1),
      buckets_(mask_ + 1, -1),
      next_(static_cast<std::size_t>(slots), -1),
      hashes_(static_cast<std::size_t>(slots)) {}

std::int32_t HashSlots::Find(const Hash128& hash) const {
  std::int32_t slot = buckets_[hash.low & mask_];
  while (slot != -1 && HashOf(slot) != hash) slot = next_[static_cast<std::size_t>(slot)];
  return slot;
}

void HashSlots::Insert(std::int32_t slot, const Hash128& hash) {
  const auto at = static_cast<std::size_t>(slot);
  hashes_[at] = hash;
  next_[at] = Bucket(hash);
  Bucket(hash) = slot;
}

void HashSlots::Erase(std::int32_t slot) {
  std::int32_t* link = &Bucket(HashOf(slot));
  while (*link != slot) {
    PINTLE_CHECK(*link != -1, "only a slot that holds a hash is emptied");
    link = &next_[static_cast<std::size_t>(*link)];
  }
  *link = next_[static_cast<std::size_t>(slot)];
}

}  // namespace pintle::kv

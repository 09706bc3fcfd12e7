// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_HASH_SLOTS_H_
#define PINTLE_WORKER_KV_HASH_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/block_hash.h"

namespace pintle::kv {

// Which of a fixed number of slots holds which hash: the index of bounded lists of blocks.
// Allocates only when made. Thread: confined to the engine thread. Fails: does not.
class HashSlots {
 public:
  explicit HashSlots(std::int32_t slots);

  // The slot with this hash, or -1.
  std::int32_t Find(const Hash128& hash) const;
  // Requires: the slot holds nothing, and no slot holds the hash.
  void Insert(std::int32_t slot, const Hash128& hash);
  void Erase(std::int32_t slot);
  const Hash128& HashOf(std::int32_t slot) const { return hashes_[static_cast<std::size_t>(slot)]; }

 private:
  std::int32_t& Bucket(const Hash128& hash) { return buckets_[hash.low & mask_]; }

  std::size_t mask_;
  std::vector<std::int32_t> buckets_;
  std::vector<std::int32_t> next_;
  std::vector<Hash128> hashes_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_HASH_SLOTS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_GHOST_LIST_H_
#define PINTLE_WORKER_KV_GHOST_LIST_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "worker/kv/block_hash.h"
#include "worker/kv/hash_slots.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// What is remembered of an evicted block.
struct Ghost {
  std::int32_t tokens = 0;
  KvReason reason = KvReason::kCapacity;

  friend bool operator==(const Ghost&, const Ghost&) = default;
};

// The blocks evicted last, by the chain hash of what they held. When it is full the oldest ghost is
// forgotten and its tokens are counted: nobody can take a short memory for a good cache.
// Partly filled blocks are found by their length too: MayHaveTail says which lengths are worth
// hashing, so that a lookup hashes next to nothing in vain.
// Allocates only when made. Thread: confined to the engine thread. Fails: does not.
class GhostList {
 public:
  explicit GhostList(std::int32_t ghosts_max);

  // Remembers the block; an earlier ghost of the same content is replaced.
  void AddFull(const Hash128& hash, Ghost ghost) { Add(hash, ghost, kNoTail); }
  void AddTail(const Hash128& hash, const Hash128& parent, Ghost ghost) {
    Add(hash, ghost, FilterOf(parent, ghost.tokens));
  }
  // Forgets the ghost of this content and answers what it was.
  std::optional<Ghost> Take(const Hash128& hash);
  // False when no tail of this many tokens after `parent` is remembered; true may be wrong.
  bool MayHaveTail(const Hash128& parent, std::int32_t tokens) const {
    return filter_[FilterOf(parent, tokens)] != 0;
  }

  std::int32_t size() const { return size_; }
  // Tokens of ghosts that were forgotten for want of room.
  std::int64_t overflow_tokens() const { return overflow_tokens_; }

 private:
  static constexpr std::size_t kNoTail = ~std::size_t{0};
  struct Entry {
    Ghost ghost;
    std::size_t filter = kNoTail;
    std::int32_t older = -1;
    std::int32_t newer = -1;
  };

  Entry& At(std::int32_t slot) { return entries_[static_cast<std::size_t>(slot)]; }
  std::size_t FilterOf(const Hash128& parent, std::int32_t tokens) const;
  void Add(const Hash128& hash, Ghost ghost, std::size_t filter);
  void Forget(std::int32_t slot);

  HashSlots slots_;
  std::vector<Entry> entries_;
  std::vector<std::int32_t> filter_;  // tails by parent and length, folded
  std::vector<std::int32_t> free_;
  std::int32_t oldest_ = -1;
  std::int32_t newest_ = -1;
  std::int32_t size_ = 0;
  std::int64_t overflow_tokens_ = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_GHOST_LIST_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_GHOST_QUEUE_H_
#define PINTLE_WORKER_KV_GHOST_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pintle::kv {

// Names of the last `capacity` contents that were put in; the oldest fall out. A table of buckets
// of eight, one cache line each, with 32 bits of each name and its turn: a full bucket forgets its
// oldest early, which with twice the slots needed is rare; two names may look alike, which is
// rarer. Either costs or gives a second chance, never an error.
// Thread: confined to one. Allocates only when made: 16 to 32 bytes per entry. Fails: it does not.
class GhostQueue {
 public:
  explicit GhostQueue(std::int32_t capacity);

  // 0 names nothing and is ignored.
  void Add(std::uint64_t content);
  // Whether the content is there; it is not afterwards.
  bool Take(std::uint64_t content);

 private:
  struct Slot {
    std::uint32_t mark = 0;  // of the name; 0 = empty
    std::uint32_t turn = 0;
  };
  struct alignas(64) Bucket {
    std::array<Slot, 8> slots;
  };
  Bucket& BucketOf(std::uint64_t spread);
  // Names put in since; turns wrap around after four billion.
  std::uint32_t Age(const Slot& slot) const { return turn_ - slot.turn; }

  std::uint32_t capacity_;
  std::vector<Bucket> buckets_;  // a power of two
  std::uint32_t turn_ = 0;       // of the newest
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_GHOST_QUEUE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_GHOST_QUEUE_H_
#define PINTLE_WORKER_KV_GHOST_QUEUE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace pintle::kv {

// Names of the last `capacity` contents that were put in; the oldest fall out. A table of buckets
// of four with each name's turn: a full bucket forgets its oldest early, which with twice the slots
// needed is rare, and costs a second chance, never an error.
// Thread: confined to one. Allocates only when made: 32 bytes per entry. Fails: it does not.
class GhostQueue {
 public:
  explicit GhostQueue(std::int32_t capacity);

  // 0 names nothing and is ignored.
  void Add(std::uint64_t content);
  // Whether the content is there; it is not afterwards.
  bool Take(std::uint64_t content);

 private:
  struct Slot {
    std::uint64_t content = 0;
    std::uint64_t turn = 0;
  };
  using Bucket = std::array<Slot, 4>;
  Bucket& BucketOf(std::uint64_t content);
  bool IsLive(const Slot& slot) const { return slot.turn != 0 && slot.turn + capacity_ > turn_; }

  std::uint64_t capacity_;
  std::vector<Bucket> buckets_;  // a power of two
  std::uint64_t turn_ = 0;       // of the newest
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_GHOST_QUEUE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EXPIRY_HEAP_H_
#define PINTLE_WORKER_KV_EXPIRY_HEAP_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace pintle::kv {

// Times by small number, earliest first; a number's time can be changed or taken out. Ties go by
// number, so that equal histories expire in equal order.
// Thread: confined to the engine thread. Costs: O(log n) a change, O(1) a look; allocates only when
// a number is larger than any before. Fails: does not.
class ExpiryHeap {
 public:
  // Infinite takes the number out.
  void Set(std::int32_t number, absl::Duration time);
  void Remove(std::int32_t number);

  // Infinite when empty.
  absl::Duration NextTime() const;
  // Requires: not empty.
  std::int32_t Next() const { return heap_.front().number; }
  std::size_t size() const { return heap_.size(); }
  // Infinite when the number has none.
  absl::Duration TimeOf(std::int32_t number) const;

 private:
  struct Entry {
    absl::Duration time;
    std::int32_t number = -1;
  };
  static bool Before(const Entry& a, const Entry& b);
  void Put(std::size_t at, const Entry& entry);
  void SiftUp(std::size_t at);
  void SiftDown(std::size_t at);

  std::vector<Entry> heap_;
  std::vector<std::int32_t> places_;  // by number; -1: not in the heap
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EXPIRY_HEAP_H_

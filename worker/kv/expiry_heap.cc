// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/expiry_heap.h"

namespace pintle::kv {

bool ExpiryHeap::Before(const Entry& a, const Entry& b) {
  return a.time != b.time ? a.time < b.time : a.number < b.number;
}

void ExpiryHeap::Put(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  places_[static_cast<std::size_t>(entry.number)] = static_cast<std::int32_t>(at);
}

void ExpiryHeap::SiftUp(std::size_t at) {
  const Entry entry = heap_[at];
  while (at > 0 && Before(entry, heap_[(at - 1) / 2])) {
    Put(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  Put(at, entry);
}

void ExpiryHeap::SiftDown(std::size_t at) {
  const Entry entry = heap_[at];
  for (std::size_t child = 2 * at + 1; child < heap_.size(); child = 2 * at + 1) {
    if (child + 1 < heap_.size() && Before(heap_[child + 1], heap_[child])) ++child;
    if (!Before(heap_[child], entry)) break;
    Put(at, heap_[child]);
    at = child;
  }
  Put(at, entry);
}

void ExpiryHeap::Set(std::int32_t number, absl::Duration time) {
  if (time == absl::InfiniteDuration()) {
    Remove(number);
    return;
  }
  const auto index = static_cast<std::size_t>(number);
  if (places_.size() <= index) places_.resize(index + 1, -1);
  if (places_[index] == -1) {
    places_[index] = static_cast<std::int32_t>(heap_.size());
    heap_.push_back({time, number});
  }
  const auto at = static_cast<std::size_t>(places_[index]);
  heap_[at].time = time;
  SiftUp(at);
  SiftDown(static_cast<std::size_t>(places_[index]));
}

void ExpiryHeap::Remove(std::int32_t number) {
  const auto index = static_cast<std::size_t>(number);
  if (places_.size() <= index || places_[index] == -1) return;
  const auto at = static_cast<std::size_t>(places_[index]);
  places_[index] = -1;
  const Entry last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  Put(at, last);
  SiftUp(at);
  SiftDown(static_cast<std::size_t>(places_[static_cast<std::size_t>(last.number)]));
}

absl::Duration ExpiryHeap::NextTime() const {
  return heap_.empty() ? absl::InfiniteDuration() : heap_.front().time;
}

absl::Duration ExpiryHeap::TimeOf(std::int32_t number) const {
  const auto index = static_cast<std::size_t>(number);
  if (places_.size() <= index || places_[index] == -1) return absl::InfiniteDuration();
  return heap_[static_cast<std::size_t>(places_[index])].time;
}

}  // namespace pintle::kv

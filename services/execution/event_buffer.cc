// SPDX-License-Identifier: Apache-2.0
#include "services/execution/event_buffer.h"

#include <utility>
#include <variant>

namespace pintle {

void EventBuffer::Push(TurnEvent&& event) {
  ++messages_;
  auto* const next = std::get_if<TurnChunk>(&event);
  if (next != nullptr && !waiting_.empty()) {
    auto* const last = std::get_if<TurnChunk>(&waiting_.back().event);
    if (last != nullptr && MergeChunk(*last, std::move(*next))) {
      ++waiting_.back().messages;
      return;
    }
  }
  waiting_.push_back({std::move(event), 1});
}

std::optional<TurnEvent> EventBuffer::Pop() {
  if (next_ == waiting_.size()) return std::nullopt;
  Waiting& first = waiting_[next_++];
  std::optional<TurnEvent> event = std::move(first.event);
  messages_ -= first.messages;
  // Each move of a waiting event is paid for by one that has left.
  if (2 * next_ >= waiting_.size()) {
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(next_));
    next_ = 0;
  }
  return event;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/execution/event_buffer.h"

#include <utility>
#include <variant>

namespace pintle {

void EventBuffer::Push(TurnEvent event) {
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
  if (waiting_.empty()) return std::nullopt;
  std::optional<TurnEvent> event = std::move(waiting_.front().event);
  messages_ -= waiting_.front().messages;
  waiting_.pop_front();
  return event;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/request_log/request_recorder.h"

#include <cstdint>
#include <utility>
#include <variant>

namespace pintle {

RequestRecorder::RequestRecorder(std::vector<RequestObserver*> observers, const Clock& clock)
    : observers_(std::move(observers)), clock_(clock), began_(clock.Monotonic()) {}

void RequestRecorder::OnEvent(const TurnEvent& event) {
  if (const auto* started = std::get_if<TurnStarted>(&event)) {
    record_.worker = started->worker.value();
    record_.prompt_tokens = started->prompt_tokens;
    record_.cached_tokens = started->cached.Total();
    record_.queue = started->queue;
  } else if (const auto* chunk = std::get_if<TurnChunk>(&event)) {
    const auto tokens = static_cast<std::int64_t>(chunk->tokens.size());
    if (tokens == 0) return;
    const absl::Duration now = clock_.Monotonic();
    record_.output_tokens += tokens;
    if (!last_tokens_) {
      record_.time_to_first_token = now - began_;
    } else {
      for (RequestObserver* observer : observers_) observer->OnTokens(now - *last_tokens_, tokens);
    }
    last_tokens_ = now;
  }
}

void RequestRecorder::End(const absl::Status& status) {
  if (std::exchange(ended_, true)) return;
  record_.status = status;
  record_.duration = clock_.Monotonic() - began_;
  for (RequestObserver* observer : observers_) observer->OnEnd(record_);
}

}  // namespace pintle

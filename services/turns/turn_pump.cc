// SPDX-License-Identifier: Apache-2.0
#include "services/turns/turn_pump.h"

#include <optional>
#include <utility>

namespace pintle {

TurnPump::TurnPump(std::unique_ptr<TurnStream> stream, Consumer consumer)
    : consumer_(std::move(consumer)), stream_(std::move(stream)) {}

std::shared_ptr<TurnStream> TurnPump::stream() const {
  absl::MutexLock lock(&mutex_);
  return stream_;
}

void TurnPump::Start() {
  // Keeps this alive while the stream may call back, and breaks the circle of stream and pump.
  const std::shared_ptr<TurnPump> self = shared_from_this();
  stream()->SetReadyCallback([weak = std::weak_ptr<TurnPump>(self)] {
    if (const std::shared_ptr<TurnPump> pump = weak.lock()) pump->OnReady();
  });
  OnReady();
}

void TurnPump::OnReady() {
  {
    absl::MutexLock lock(&mutex_);
    ready_again_ = true;
    if (state_ != State::kIdle) return;
    state_ = State::kPulling;
  }
  Pull();
}

void TurnPump::Resume() {
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != State::kBusy && state_ != State::kAbandoned) return;
    state_ = State::kPulling;
  }
  Pull();
}

void TurnPump::Cancel(CancelMode mode, absl::Status why) {
  if (const std::shared_ptr<TurnStream> running = stream()) running->Cancel(mode, std::move(why));
}

std::optional<std::uint64_t> TurnPump::BusyWith() const {
  absl::MutexLock lock(&mutex_);
  if (state_ != State::kBusy) return std::nullopt;
  return events_;
}

bool TurnPump::Abandon(std::uint64_t event, absl::Status why) {
  std::shared_ptr<TurnStream> left;
  {
    absl::MutexLock lock(&mutex_);
    if (state_ != State::kBusy || events_ != event) return false;
    state_ = State::kAbandoned;
    abandoned_ = std::move(why);
    left = std::move(stream_);
  }
  // Here, outside the lock, the stream ends and the turn rolls back.
  return true;
}

void TurnPump::Pull() {
  // The consumer may drop the last other reference with the last event.
  const std::shared_ptr<TurnPump> self = shared_from_this();
  while (true) {
    std::shared_ptr<TurnStream> pulled;
    std::optional<TurnEvent> event;
    {
      absl::MutexLock lock(&mutex_);
      ready_again_ = false;
      pulled = stream_;
      if (pulled == nullptr) event = TurnFailed{abandoned_};
    }
    if (pulled != nullptr) event = pulled->Next();
    const bool last = event && IsLast(*event);
    {
      absl::MutexLock lock(&mutex_);
      if (!event) {
        if (ready_again_) continue;
        state_ = State::kIdle;
        return;
      }
      ++events_;
      state_ = last ? State::kEnded : State::kBusy;
    }
    const bool more = consumer_(*std::move(event));
    // After false another thread may already be pulling: nothing here is ours any more.
    if (last || !more) return;
    absl::MutexLock lock(&mutex_);
    state_ = State::kPulling;
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/turns/turn_pump.h"

#include <optional>
#include <utility>

namespace pintle {

TurnPump::TurnPump(std::unique_ptr<TurnStream> stream, Consumer consumer)
    : stream_(std::move(stream)), consumer_(std::move(consumer)) {}

void TurnPump::Start() {
  // Keeps this alive while the stream may call back, and breaks the circle of stream and pump.
  const std::shared_ptr<TurnPump> self = shared_from_this();
  stream_->SetReadyCallback([weak = std::weak_ptr<TurnPump>(self)] {
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
    if (state_ != State::kBusy) return;
    state_ = State::kPulling;
  }
  Pull();
}

void TurnPump::Cancel(CancelMode mode, absl::Status why) { stream_->Cancel(mode, std::move(why)); }

void TurnPump::Pull() {
  // The consumer may drop the last other reference with the last event.
  const std::shared_ptr<TurnPump> self = shared_from_this();
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      ready_again_ = false;
    }
    std::optional<TurnEvent> event = stream_->Next();
    const bool last = event && IsLast(*event);
    {
      absl::MutexLock lock(&mutex_);
      if (!event) {
        if (ready_again_) continue;
        state_ = State::kIdle;
        return;
      }
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

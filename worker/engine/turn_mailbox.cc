// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/turn_mailbox.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {

TurnMailbox::TurnMailbox(std::size_t messages_max, std::size_t queue_max)
    : messages_max_(messages_max), queue_max_(queue_max) {}

void TurnMailbox::Post(EngineMessage message) {
  messages_.push_back(std::move(message));
  woken_ = true;
}

absl::Status TurnMailbox::CheckRoom() const {
  if (messages_.size() < messages_max_) return absl::OkStatus();
  return MakeError(Reason::kQueueFull, absl::StrCat("messages to the engine are ", messages_.size(),
                                                    ", limit ", messages_max_));
}

absl::StatusOr<TurnId> TurnMailbox::Submit(EngineTurn request, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  if (draining_ || closed_) {
    return MakeError(Reason::kDraining, "this worker takes no new turns: it is shutting down");
  }
  if (!request.key.session.empty() && busy_.contains(request.key)) {
    return MakeError(Reason::kSessionBusy, "the session is running another turn");
  }
  if (queued_ >= queue_max_) {
    return MakeError(Reason::kQueueFull,
                     absl::StrCat("turns waiting are ", queued_, ", limit ", queue_max_));
  }
  PINTLE_RETURN_IF_ERROR(CheckRoom());
  const TurnId turn = next_turn_++;
  if (!request.key.session.empty()) {
    busy_.insert(request.key);
    // A drop that comes after this turn is another one than a drop before it.
    drops_.erase(request.key);
  }
  live_[turn].key = request.key;
  ++queued_;
  Post(SubmitMessage{turn, std::move(request), now});
  return turn;
}

TurnMailbox::LiveTurn* TurnMailbox::FindOpen(TurnId turn) {
  const auto found = live_.find(turn);
  return found == live_.end() || found->second.ending ? nullptr : &found->second;
}

void TurnMailbox::StopChoice(TurnId turn, std::int32_t choice) {
  absl::MutexLock lock(&mutex_);
  LiveTurn* live = FindOpen(turn);
  if (live == nullptr || choice < 0 || choice >= 32) return;
  const std::uint32_t bit = 1U << choice;
  if ((live->stopped & bit) != 0) return;
  live->stopped |= bit;
  Post(StopChoiceMessage{turn, choice});
}

void TurnMailbox::Commit(TurnId turn, EngineCommit commit) {
  absl::MutexLock lock(&mutex_);
  LiveTurn* live = FindOpen(turn);
  if (live == nullptr) return;
  live->ending = true;
  Post(CommitMessage{turn, std::move(commit)});
}

void TurnMailbox::Cancel(TurnId turn, absl::Status why) {
  absl::MutexLock lock(&mutex_);
  LiveTurn* live = FindOpen(turn);
  if (live == nullptr) return;
  live->ending = true;
  Post(CancelMessage{turn, std::move(why)});
}

void TurnMailbox::Drop(const SessionKey& key) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  if (!drops_.insert(key).second) return;
  Post(DropMessage{key});
}

absl::Status TurnMailbox::Query(QueryMessage query) {
  {
    absl::MutexLock lock(&mutex_);
    if (!closed_) {
      PINTLE_RETURN_IF_ERROR(CheckRoom());
      Post(std::move(query));
      return absl::OkStatus();
    }
  }
  query.done({});
  return absl::OkStatus();
}

absl::Status TurnMailbox::Ask(EngineMessage message) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return MakeError(Reason::kDraining, "this worker is shutting down");
  PINTLE_RETURN_IF_ERROR(CheckRoom());
  Post(std::move(message));
  return absl::OkStatus();
}

void TurnMailbox::Task(KvTaskMessage task) {
  absl::Status refused;
  {
    absl::MutexLock lock(&mutex_);
    if (!closed_ && messages_.size() < messages_max_) return Post(std::move(task));
    refused = closed_ ? MakeError(Reason::kDraining, "this worker is shutting down")
                      : MakeError(Reason::kQueueFull,
                                  absl::StrCat("messages to the engine are ", messages_.size(),
                                               ", limit ", messages_max_));
  }
  task.run(refused, nullptr);
}

absl::Status TurnMailbox::SetPin(PinMessage pin) {
  {
    absl::MutexLock lock(&mutex_);
    if (!closed_) {
      if (messages_.size() >= messages_max_) {
        return MakeError(Reason::kQueueFull,
                         absl::StrCat("messages to the engine are ", messages_.size(), ", limit ",
                                      messages_max_));
      }
      Post(std::move(pin));
      return absl::OkStatus();
    }
  }
  pin.done({PinVerdict::kMissing, absl::OkStatus()});
  return absl::OkStatus();
}

void TurnMailbox::Drain(DrainMessage drain) {
  absl::MutexLock lock(&mutex_);
  if (closed_) return;
  draining_ = true;
  Post(drain);
}

void TurnMailbox::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
  woken_ = true;
}

void TurnMailbox::Wake() {
  absl::MutexLock lock(&mutex_);
  woken_ = true;
}

bool TurnMailbox::AwaitNoTurns(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  const auto none = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return live_.empty(); };
  return mutex_.AwaitWithTimeout(absl::Condition(&none), timeout);
}

void TurnMailbox::Take(std::vector<EngineMessage>& messages) {
  messages.clear();
  absl::MutexLock lock(&mutex_);
  messages.swap(messages_);
  drops_.clear();
  woken_ = closed_;  // a closed mailbox never lets its reader sleep again
}

void TurnMailbox::LeaveQueue(TurnId turn) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(turn);
  if (found == live_.end() || !found->second.queued) return;
  found->second.queued = false;
  --queued_;
}

void TurnMailbox::Retire(TurnId turn) {
  absl::MutexLock lock(&mutex_);
  const auto found = live_.find(turn);
  if (found == live_.end()) return;
  if (found->second.queued) --queued_;
  if (!found->second.key.session.empty()) busy_.erase(found->second.key);
  live_.erase(found);
}

void TurnMailbox::Sleep(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithTimeout(absl::Condition(&woken_), timeout);
}

bool TurnMailbox::closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/execution/running_calls.h"

#include "contract/check.h"

namespace pintle {

bool RunningCalls::Reserve(const std::string& turn_id) {
  absl::MutexLock lock(&mutex_);
  return calls_.try_emplace(turn_id).second;
}

void RunningCalls::Attach(const std::string& turn_id, std::shared_ptr<TurnPump> pump) {
  std::optional<std::pair<CancelMode, absl::Status>> cancel;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = calls_.find(turn_id);
    PINTLE_CHECK(found != calls_.end(), "only a reserved name gets a turn");
    cancel = std::move(found->second.early_cancel);
    found->second.pump = pump;
  }
  if (cancel) pump->Cancel(cancel->first, cancel->second);
}

void RunningCalls::Remove(const std::string& turn_id) {
  Call removed;  // destroyed after the lock: it may hold a stream
  absl::MutexLock lock(&mutex_);
  const auto found = calls_.find(turn_id);
  if (found == calls_.end()) return;
  removed = std::move(found->second);
  calls_.erase(found);
}

bool RunningCalls::Cancel(const std::string& turn_id, CancelMode mode, const absl::Status& why) {
  std::shared_ptr<TurnPump> pump;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = calls_.find(turn_id);
    if (found == calls_.end()) return false;
    pump = found->second.pump;
    if (!pump) found->second.early_cancel.emplace(mode, why);
  }
  if (pump) pump->Cancel(mode, why);
  return true;
}

std::size_t RunningCalls::size() const {
  absl::MutexLock lock(&mutex_);
  return calls_.size();
}

}  // namespace pintle

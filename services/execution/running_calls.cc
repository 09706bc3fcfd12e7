// SPDX-License-Identifier: Apache-2.0
#include "services/execution/running_calls.h"

#include <utility>

namespace pintle {

bool RunningCalls::Add(const std::string& turn_id, std::shared_ptr<TurnPump> pump) {
  absl::MutexLock lock(&mutex_);
  return pumps_.try_emplace(turn_id, std::move(pump)).second;
}

void RunningCalls::Remove(const std::string& turn_id) {
  std::shared_ptr<TurnPump> removed;  // destroyed outside the lock: it may hold a stream
  absl::MutexLock lock(&mutex_);
  const auto found = pumps_.find(turn_id);
  if (found == pumps_.end()) return;
  removed = std::move(found->second);
  pumps_.erase(found);
}

std::shared_ptr<TurnPump> RunningCalls::Find(const std::string& turn_id) const {
  absl::MutexLock lock(&mutex_);
  const auto found = pumps_.find(turn_id);
  return found == pumps_.end() ? nullptr : found->second;
}

std::size_t RunningCalls::size() const {
  absl::MutexLock lock(&mutex_);
  return pumps_.size();
}

}  // namespace pintle

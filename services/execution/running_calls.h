// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_
#define PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/turns/turn_pump.h"

namespace pintle {

// The running turns of an Execution service by the coordinators' names for them, for CancelTurn. A
// name is taken before its turn starts, so that a cancel can never come too early.
// Thread: safe from any thread. Shares the pumps until they are taken out.
class RunningCalls {
 public:
  // Takes the name; false when a turn of that name runs.
  bool Reserve(const std::string& turn_id);
  // The turn started. A cancel that came meanwhile reaches it now. Requires: Reserve said true.
  void Attach(const std::string& turn_id, std::shared_ptr<TurnPump> pump);
  // Gives the name back.
  void Remove(const std::string& turn_id);
  // False when no such turn runs.
  bool Cancel(const std::string& turn_id, CancelMode mode, const absl::Status& why);
  std::size_t size() const;

 private:
  struct Call {
    std::shared_ptr<TurnPump> pump;  // null until it started
    std::optional<std::pair<CancelMode, absl::Status>> early_cancel;
  };

  // Guards the table; no pump is called under it.
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Call> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_

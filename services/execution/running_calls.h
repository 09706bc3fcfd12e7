// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_
#define PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/turns/turn_pump.h"

namespace pintle {

// The running turns of an Execution service by the coordinators' names for them, for CancelTurn.
// Thread: safe from any thread. Shares the pumps until they are taken out.
class RunningCalls {
 public:
  // False when a turn of that name runs.
  bool Add(const std::string& turn_id, std::shared_ptr<TurnPump> pump);
  void Remove(const std::string& turn_id);
  // nullptr when no such turn runs.
  std::shared_ptr<TurnPump> Find(const std::string& turn_id) const;
  std::size_t size() const;

 private:
  // Guards the table.
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::shared_ptr<TurnPump>> pumps_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_RUNNING_CALLS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_STREAMS_ROUTED_WORKER_H_
#define PINTLE_COORDINATOR_STREAMS_ROUTED_WORKER_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <set>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "contract/model_info.h"
#include "contract/ready_signal.h"
#include "contract/turn.h"
#include "coordinator/membership/worker_report.h"
#include "coordinator/streams/worker_connector.h"

namespace pintle {

// One worker process while it is in the fleet: its connection and everything that waits for it, so
// that its loss ends all of that at once, even when the process is merely silent.
// Thread: safe from any thread; nobody is called under the lock.
// Shared by the fleet table and the turns that run there.
// Fails: after Lose, everything answers WORKER_LOST with RetryInfo.
class RoutedWorker : public std::enable_shared_from_this<RoutedWorker> {
 public:
  RoutedWorker(WorkerHello hello, WorkerConnection connection);
  ~RoutedWorker();
  RoutedWorker(const RoutedWorker&) = delete;
  RoutedWorker& operator=(const RoutedWorker&) = delete;

  const WorkerHello& hello() const { return hello_; }
  bool lost() const { return lost_; }

  // Runs a turn on the worker. `on_settled` is called once, when the turn started or ended there,
  // whichever is first, or could not begin.
  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn,
                                                    absl::AnyInvocable<void()> on_settled);
  void DropSession(const SessionKey& key);
  void Tokenize(TokenizeRequest request, TextBackend::TokenizeCallback done);

  // The process is gone or silent: running streams end WORKER_LOST after what they already got.
  void Lose();

 private:
  class Stream;
  friend class Stream;
  using CallNumber = std::uint64_t;

  absl::Status LostError() const;
  // Takes the callback out, so that it is called once; null when somebody else took it.
  TextBackend::TokenizeCallback TakeCall(CallNumber number);

  const WorkerHello hello_;
  const WorkerConnection connection_;
  // Set under the lock, so that nothing is added after it; read for each token without.
  std::atomic<bool> lost_{false};
  // Guards the rest.
  absl::Mutex mutex_;
  // Ready signals of the running streams, told of a loss.
  std::set<std::shared_ptr<ReadySignal>> signals_ ABSL_GUARDED_BY(mutex_);
  std::map<CallNumber, TextBackend::TokenizeCallback> calls_ ABSL_GUARDED_BY(mutex_);
  CallNumber next_call_ ABSL_GUARDED_BY(mutex_) = 1;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_STREAMS_ROUTED_WORKER_H_

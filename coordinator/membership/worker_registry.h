// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REGISTRY_H_
#define PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REGISTRY_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "coordinator/membership/worker_report.h"

namespace pintle {

// A worker as the coordinator knows it now.
struct FleetWorker {
  WorkerHello hello;
  // Nothing known before the first load report.
  WorkerLoad load;
  std::optional<absl::Duration> load_at;  // when `load` came; unset before it
  absl::Duration joined_at = absl::ZeroDuration();
  absl::Duration reported_at = absl::ZeroDuration();
};

// The fleet at one moment, ordered by worker id.
struct FleetSnapshot {
  std::vector<FleetWorker> workers;
  // Names of models served since this process began, by whom ever.
  std::set<std::string> models_known;
};

// Hears of workers that come and go.
// Thread: called from any thread, one call at a time, in the order things happened, never under the
// registry's lock.
class MembershipListener {
 public:
  virtual ~MembershipListener() = default;
  virtual void OnJoin(const WorkerHello& hello) = 0;
  // The process is gone, silent or replaced: nothing of it may be waited for.
  virtual void OnLeave(const WorkerId& worker, Incarnation incarnation) = 0;
};

// Names one Register stream; 0 is none.
using RegistrationId = std::uint64_t;

// Who is in the fleet. Liveness is the Register stream and its reports: a worker whose stream ends
// is gone at once, a silent one once DropSilent finds it so.
// Thread: safe from any thread. Time is the monotonic clock's, given to each call.
// Owns the table; borrows the listeners, which must outlive it.
// Fails: as Join and Report say; the caller then ends the stream with that status.
class WorkerRegistry {
 public:
  struct Options {
    std::size_t workers_max = limits::kWorkers;
    absl::Duration timeout = limits::kWorkerTimeoutDefault;
  };

  explicit WorkerRegistry(Options options);

  // Requires: called before the first Join.
  void AddListener(MembershipListener* listener);

  // A stream's first report. A new incarnation of a known worker replaces the old one.
  // INVALID_FIELD for a hello that names no worker, incarnation, address or model;
  // FAILED_PRECONDITION for another protocol version; FINGERPRINT_MISMATCH when the model's name
  // stands for another model in the fleet; QUEUE_FULL at workers_max.
  absl::StatusOr<RegistrationId> Join(const WorkerHello& hello, std::uint64_t sequence,
                                      absl::Duration now);
  // A further report. INVALID_FIELD for a gap in `sequence` (the worker is dropped); WORKER_LOST
  // when the registration ended meanwhile: the worker must register anew.
  absl::Status Report(RegistrationId registration, std::uint64_t sequence, const WorkerLoad& load,
                      absl::Duration now);
  // The stream ended. No effect when the registration ended before.
  void Leave(RegistrationId registration);
  // Drops the workers without a report for the timeout and returns them. Call it a few times in
  // each timeout.
  std::vector<WorkerId> DropSilent(absl::Duration now);

  FleetSnapshot Snapshot() const;

 private:
  struct Member {
    RegistrationId registration = 0;
    std::uint64_t sequence = 0;
    FleetWorker worker;
  };
  struct Change {
    bool joined = false;
    WorkerHello hello;
  };

  absl::Status CheckModel(const WorkerHello& hello) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::map<WorkerId, Member>::iterator FindRegistration(RegistrationId registration)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Drop(std::map<WorkerId, Member>::iterator it) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells the listeners what changed, unless another thread is doing so.
  void Deliver() ABSL_LOCKS_EXCLUDED(mutex_);

  const Options options_;
  std::vector<MembershipListener*> listeners_;
  // Guards the rest.
  mutable absl::Mutex mutex_;
  std::map<WorkerId, Member> members_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> models_known_ ABSL_GUARDED_BY(mutex_);
  RegistrationId next_registration_ ABSL_GUARDED_BY(mutex_) = 1;
  std::deque<Change> changes_ ABSL_GUARDED_BY(mutex_);
  bool delivering_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_MEMBERSHIP_WORKER_REGISTRY_H_

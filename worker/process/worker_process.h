// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_PROCESS_H_
#define PINTLE_WORKER_PROCESS_WORKER_PROCESS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "worker/process/model_parts.h"
#include "worker/process/worker_options.h"

namespace pintle {

// A worker with all its rooms wired: model, engine, turns, sessions of its own, services, metrics,
// registration. One per process as a rule; several may live in one (pintle serve, tests).
// Thread: Start, Drain and destruction from one thread.
// Owns everything it starts; borrows the clock.
// Fails: Start with a message that names the flag, file or address at fault.
class WorkerProcess {
 public:
  // Serves from its return on.
  static absl::StatusOr<std::unique_ptr<WorkerProcess>> Start(const WorkerOptions& options,
                                                              ModelParts model, const Clock& clock);
  // Ends at once what still runs.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // HOST:PORT as bound.
  const std::string& address() const;
  // Empty without --metrics-listen.
  const std::string& metrics_address() const;

  // Takes no new turns, lets running ones finish for the grace time, ends the rest DRAINING.
  void Drain(absl::Duration grace);

 private:
  struct Rooms;
  explicit WorkerProcess(std::unique_ptr<Rooms> rooms);

  std::unique_ptr<Rooms> rooms_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_PROCESS_H_

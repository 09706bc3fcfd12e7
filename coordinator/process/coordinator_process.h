// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_PROCESS_COORDINATOR_PROCESS_H_
#define PINTLE_COORDINATOR_PROCESS_COORDINATOR_PROCESS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "coordinator/process/coordinator_options.h"

namespace pintle {

// A coordinator with all its rooms wired: membership, placement, sessions, relay, services,
// metrics. Thread: Start, Drain and destruction from one thread. Owns everything it starts; borrows
// the clock. Fails: Start with a message that names the flag, file or address at fault.
class CoordinatorProcess {
 public:
  // Serves from its return on.
  static absl::StatusOr<std::unique_ptr<CoordinatorProcess>> Start(
      const CoordinatorOptions& options, const Clock& clock);
  // Ends at once what still runs.
  ~CoordinatorProcess();
  CoordinatorProcess(const CoordinatorProcess&) = delete;
  CoordinatorProcess& operator=(const CoordinatorProcess&) = delete;

  // HOST:PORT as bound.
  const std::string& address() const;
  // Empty without --metrics-listen.
  const std::string& metrics_address() const;

  // Takes no new turns and lets running ones finish for the grace time.
  void Drain(absl::Duration grace);

 private:
  struct Rooms;
  explicit CoordinatorProcess(std::unique_ptr<Rooms> rooms);

  std::unique_ptr<Rooms> rooms_;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_PROCESS_COORDINATOR_PROCESS_H_

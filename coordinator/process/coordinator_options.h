// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_PROCESS_COORDINATOR_OPTIONS_H_
#define PINTLE_COORDINATOR_PROCESS_COORDINATOR_OPTIONS_H_

#include <cstdint>

#include "services/options/server_options.h"

namespace CLI {
class App;
}

namespace pintle {

// A coordinator's own flags; the initial values are the table of defaults.
struct CoordinatorOptions {
  ServerOptions server;
  // A worker without a report for longer is gone.
  double worker_timeout_seconds = 3;
  // Turns of one tenant at once; beyond it they are refused with QUEUE_FULL.
  std::int64_t tenant_turns_max = 1024;
};

// Adds them to a command line. `options` outlives it.
void AddCoordinatorFlags(CLI::App& app, CoordinatorOptions& options);

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_PROCESS_COORDINATOR_OPTIONS_H_

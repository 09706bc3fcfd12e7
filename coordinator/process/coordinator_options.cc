// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/coordinator_options.h"

#include <CLI/CLI.hpp>

namespace pintle {

void AddCoordinatorFlags(CLI::App& app, CoordinatorOptions& options) {
  app.add_option("--worker-timeout", options.worker_timeout_seconds,
                 "Seconds without a report after which a worker is gone")
      ->check(CLI::Range(0.2, 3600.0))
      ->capture_default_str();
  app.add_option("--tenant-turns-max", options.tenant_turns_max,
                 "Turns one tenant may have at once")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->capture_default_str();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_PINTLE_APP_H_
#define PINTLE_CLI_PINTLE_APP_H_

#include <istream>
#include <ostream>
#include <vector>

#include "cli/interrupt.h"
#include "contract/clock.h"

namespace pintle {

// A subcommand that is no client, such as `serve`: it gets its own arguments (its name first),
// parses them itself and answers the process's exit status.
struct LocalCommand {
  const char* name;
  const char* summary;
  int (*run)(int argc, char** argv);
};

// The streams, signals and time of a process.
struct AppSurroundings {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  Interrupt& interrupt;
  const Clock& clock;
  // Whether Ctrl-C and SIGTERM shall be caught; tests leave them alone.
  bool listen_to_signals = false;
};

// The whole tool: parses, dispatches, prints errors. Answers the exit status (exit_codes.h).
// Thread: main's, once per process when signals are listened to.
int RunPintle(int argc, char** argv, const std::vector<LocalCommand>& local_commands,
              const AppSurroundings& surroundings);

}  // namespace pintle

#endif  // PINTLE_CLI_PINTLE_APP_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_SIMULATE_COMMAND_H_
#define PINTLE_CLI_SIMULATE_COMMAND_H_

#include <ostream>

namespace pintle {

// `pintle simulate --trace FILE`: replays a trace through the worker's eviction policies and the
// clairvoyant bound; needs no server. Answers the exit status: 0, 1 when a file cannot be read or
// written or the trace is faulty, 2 for faulty flags. A LocalCommand.
int RunSimulate(int argc, char** argv);

// The same on streams of the caller's. `progress` is where a line is rewritten as work goes on,
// null for none.
int RunSimulateOn(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                  std::ostream* progress);

}  // namespace pintle

#endif  // PINTLE_CLI_SIMULATE_COMMAND_H_

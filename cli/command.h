// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_COMMAND_H_
#define PINTLE_CLI_COMMAND_H_

#include <istream>

#include "absl/status/status.h"
#include "cli/connection.h"
#include "cli/terminal.h"
#include "contract/clock.h"

namespace CLI {
class App;
}

namespace pintle {

// What a command works with.
struct CommandContext {
  Terminal& terminal;
  Connection& connection;
  const Clock& clock;
  std::istream& in;
  // --json: exactly one JSON value on standard output, nothing else there.
  bool json = false;
};

// One subcommand of the tool.
// Thread: one. Owns its flags. Fails: Run answers the error; the caller prints it.
class Command {
 public:
  virtual ~Command() = default;
  virtual const char* name() const = 0;
  // One line for the list of commands.
  virtual const char* summary() const = 0;
  // Adds flags and examples to its own subcommand. Called once; `this` outlives the app.
  virtual void AddFlags(CLI::App& app) = 0;
  // Requires: the command line was parsed.
  virtual absl::Status Run(CommandContext& context) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CLI_COMMAND_H_

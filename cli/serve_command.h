// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_SERVE_COMMAND_H_
#define PINTLE_CLI_SERVE_COMMAND_H_

namespace pintle {

// `pintle serve --model DIR`: a coordinator and one worker in this process, for a laptop. Takes the
// worker's flags, prints the coordinator's address, serves until SIGTERM or SIGINT. Answers the
// exit status: 0 after a drain, 1 when it could not start, 2 for faulty flags. A LocalCommand.
int RunServe(int argc, char** argv);

}  // namespace pintle

#endif  // PINTLE_CLI_SERVE_COMMAND_H_

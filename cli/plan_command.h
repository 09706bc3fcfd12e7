// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_PLAN_COMMAND_H_
#define PINTLE_CLI_PLAN_COMMAND_H_

namespace pintle {

// `pintle plan --model DIR --memory 16GiB`: how many tokens and sessions fit, by the function that
// a worker allocates with; nothing is loaded or started. Answers the exit status: 0, 1 when the
// folder cannot be read or the memory is too small for the model, 2 for faulty flags. A
// LocalCommand.
int RunPlan(int argc, char** argv);

}  // namespace pintle

#endif  // PINTLE_CLI_PLAN_COMMAND_H_

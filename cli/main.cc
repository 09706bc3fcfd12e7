// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/interrupt.h"
#include "cli/pintle_app.h"
#include "cli/plan_command.h"
#include "cli/serve_command.h"
#include "cli/simulate_command.h"
#include "contract/clock.h"

int main(int argc, char** argv) {
  // Never destroyed, because the signal thread may still use it while the process ends.
  static pintle::Interrupt& interrupt = *new pintle::Interrupt;
  const pintle::SystemClock clock;
  return pintle::RunPintle(
      argc, argv,
      {{"serve", "Serve one model: coordinator and worker in one process", pintle::RunServe},
       {"plan", "How many tokens and sessions a memory holds, before deploying", pintle::RunPlan},
       {"simulate", "Replay a trace through the eviction policies", pintle::RunSimulate}},
      {std::cin, std::cout, std::cerr, interrupt, clock, true});
}

// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "cli/interrupt.h"
#include "cli/pintle_app.h"
#include "contract/clock.h"

int main(int argc, char** argv) {
  // Never destroyed, because the signal thread may still use it while the process ends.
  static pintle::Interrupt& interrupt = *new pintle::Interrupt;
  const pintle::SystemClock clock;
  // `pintle serve` joins this list; it handles its own flags and signals.
  return pintle::RunPintle(argc, argv, {},
                           {std::cin, std::cout, std::cerr, interrupt, clock, true});
}

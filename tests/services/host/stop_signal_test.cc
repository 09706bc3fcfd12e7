// SPDX-License-Identifier: Apache-2.0
#include "services/host/stop_signal.h"

#include <unistd.h>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(StopSignalTest, WaitsForSigtermAndASecondOneEndsTheProcess) {
  // In a child, because signals and their masks belong to a whole process.
  EXPECT_EXIT(
      {
        StopSignal stop;
        kill(getpid(), SIGTERM);
        stop.Wait();
        kill(getpid(), SIGTERM);
        _exit(1);
      },
      testing::KilledBySignal(SIGTERM), "");
  EXPECT_EXIT(
      {
        StopSignal stop;
        kill(getpid(), SIGPIPE);
        kill(getpid(), SIGINT);
        stop.Wait();
        _exit(0);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace pintle

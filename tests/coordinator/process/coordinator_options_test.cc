// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/coordinator_options.h"

#include <CLI/CLI.hpp>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(CoordinatorOptionsTest, TheTimeoutIsInSecondsThreeByDefaultAndBounded) {
  CLI::App app;
  CoordinatorOptions options;
  AddCoordinatorFlags(app, options);
  app.parse("");
  EXPECT_EQ(options.worker_timeout_seconds, 3);
  app.parse("--worker-timeout 1.5 --tenant-turns-max 2");
  EXPECT_EQ(options.worker_timeout_seconds, 1.5);
  EXPECT_EQ(options.tenant_turns_max, 2);
  EXPECT_THROW(app.parse("--worker-timeout 0"), CLI::ParseError);
}

}  // namespace
}  // namespace pintle

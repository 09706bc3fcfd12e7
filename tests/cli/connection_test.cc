// SPDX-License-Identifier: Apache-2.0
#include "cli/connection.h"

#include <limits>
#include <string>

#include "cli/exit_codes.h"
#include "cli/input_text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::RunTool;
using testing::ScriptedServer;

TEST(ConnectionTest, TheTokenGoesWithTheCallWithoutItsFilesLineFeed) {
  const ScriptedServer server;
  const std::string path = ::testing::TempDir() + "/pintle_token";
  ASSERT_TRUE(WriteOutputFile("--x", path, "secret-2\n").ok());
  EXPECT_EQ(server.Run({"generate", "--prompt", "a", "--token", "secret-1"}).code, 0);
  EXPECT_EQ(server.authorization(), "Bearer secret-1");
  EXPECT_EQ(server.Run({"generate", "--prompt", "a", "--token-file", path}).code, 0);
  EXPECT_EQ(server.authorization(), "Bearer secret-2");
}

TEST(ConnectionTest, WhatCannotBeUsedIsRefusedBeforeAnyCall) {
  Interrupt interrupt;
  const auto code = [&](const ConnectionFlags& flags) {
    return ExitCodeOf(Connection::Open(flags, interrupt).status());
  };
  ConnectionFlags flags;
  EXPECT_EQ(code(flags), ExitCode::kOk);
  flags.token = "two words";
  EXPECT_EQ(code(flags), ExitCode::kUsage);
  flags = {};
  flags.token_file = "/no/such/file";
  EXPECT_EQ(code(flags), ExitCode::kLocal);
  flags = {};
  flags.tls_ca = "/no/such/file";
  EXPECT_EQ(code(flags), ExitCode::kLocal);
  flags = {};
  flags.target = "";
  EXPECT_EQ(code(flags), ExitCode::kUsage);
  flags = {};
  for (const double seconds : {-1.0, 1e18, std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::quiet_NaN()}) {
    flags.timeout_seconds = seconds;
    EXPECT_EQ(code(flags), ExitCode::kUsage) << seconds;
  }
}

TEST(ConnectionTest, AServerThatIsNotThereIsNamed) {
  const auto run = RunTool({"models", "--target", "127.0.0.1:1"});
  EXPECT_EQ(run.code, 4);
  EXPECT_THAT(run.err, HasSubstr("no server answers at 127.0.0.1:1"));
}

}  // namespace
}  // namespace pintle

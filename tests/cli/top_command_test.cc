// SPDX-License-Identifier: Apache-2.0
#include "cli/top_command.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunTool;
using testing::ScriptedServer;

TEST(TopCommandTest, OnceIsOneFrameWithRatesAndWithoutTerminalCommands) {
  const ScriptedServer server;
  const auto run = server.Run({"top", "--once", "--interval", "0.1"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("worker-1"));
  EXPECT_THAT(run.out, HasSubstr("rates, tokens/s: 0.0"));
  EXPECT_THAT(run.out, Not(HasSubstr("\033")));
}

TEST(TopCommandTest, JsonHasAllThreeParts) {
  const ScriptedServer server;
  const auto json =
      nlohmann::json::parse(server.Run({"top", "--once", "--interval", "0.1", "--json"}).out);
  EXPECT_TRUE(json.contains("fleet"));
  EXPECT_TRUE(json.contains("cache"));
  EXPECT_TRUE(json.contains("sessions"));
}

TEST(TopCommandTest, AServerThatIsNotThereEndsASingleLook) {
  EXPECT_EQ(RunTool({"top", "--once", "--target", "127.0.0.1:1"}).code, 4);
}

}  // namespace
}  // namespace pintle

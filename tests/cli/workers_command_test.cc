// SPDX-License-Identifier: Apache-2.0
#include "cli/workers_command.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::RunTool;
using testing::ScriptedServer;
using testing::ToolRun;

TEST(WorkersCommandTest, NoWorkersIsANoteAndSomeAreATable) {
  const ScriptedServer server;
  const ToolRun none = server.Run({"workers"});
  EXPECT_EQ(none.code, 0);
  EXPECT_EQ(none.out, "");
  EXPECT_THAT(none.err, HasSubstr("no worker has joined"));
  EXPECT_THAT(server.Run({"workers"}).out, HasSubstr("worker-1"));
}

TEST(WorkersCommandTest, WaitReturnsOnceEnoughWorkersAreReady) {
  const ScriptedServer server;
  const ToolRun run = server.Run({"workers", "--wait", "2", "--timeout", "60", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(nlohmann::json::parse(run.out)["workers"].size(), 2U);
}

TEST(WorkersCommandTest, WaitEndsWithTheDeadlineAndSaysHowManyAreReady) {
  const ScriptedServer server;
  const ToolRun run = server.Run({"workers", "--wait", "1000", "--timeout", "0.2"});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.err, HasSubstr("of 1000 workers are ready after 200ms"));
}

TEST(WorkersCommandTest, WaitOutlastsACoordinatorThatIsNotThereYet) {
  const ToolRun run =
      RunTool({"workers", "--target", "127.0.0.1:1", "--wait", "1", "--timeout", "0.2"});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.err, HasSubstr("0 of 1 workers"));
}

}  // namespace
}  // namespace pintle

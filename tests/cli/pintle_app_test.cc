// SPDX-License-Identifier: Apache-2.0
#include "cli/pintle_app.h"

#include <cstdlib>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::RunTool;
using testing::ScriptedServer;

TEST(PintleAppTest, HelpListsEveryCommandAndTheExitCodes) {
  const auto run = RunTool({"--help"});
  EXPECT_EQ(run.code, 0);
  for (const char* word : {"generate", "chat", "sessions", "cache", "workers", "top", "tokenize",
                           "models", "--target", "127.0.0.1:50051", "130"}) {
    EXPECT_THAT(run.out, HasSubstr(word));
  }
}

TEST(PintleAppTest, EachCommandsHelpHasAnExampleAndTheFlagsOfEveryCommand) {
  for (const std::string command :
       {"generate", "chat", "sessions", "cache", "workers", "top", "tokenize", "models"}) {
    const auto run = RunTool({command, "--help"});
    EXPECT_EQ(run.code, 0) << command;
    EXPECT_THAT(run.out, HasSubstr("Example")) << command;
    EXPECT_THAT(run.out, HasSubstr("pintle " + command)) << command;
    EXPECT_THAT(run.out, HasSubstr("--token-file")) << command;
  }
}

TEST(PintleAppTest, TheVersionIsPrinted) {
  const auto run = RunTool({"--version"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "pintle " PINTLE_VERSION "\n");
}

TEST(PintleAppTest, AWrongCommandLineIsExitCodeTwo) {
  EXPECT_EQ(RunTool({}).code, 2);
  EXPECT_EQ(RunTool({"no-such-command"}).code, 2);
  EXPECT_EQ(RunTool({"models", "--color", "pink"}).code, 2);
}

TEST(PintleAppTest, FlagsMayStandBeforeTheCommandAndInTheEnvironment) {
  const ScriptedServer server;
  EXPECT_EQ(RunTool({"--target", server.address(), "models"}).code, 0);
  ASSERT_EQ(setenv("PINTLE_TARGET", server.address().c_str(), 1), 0);
  EXPECT_EQ(RunTool({"models"}).code, 0);
  EXPECT_EQ(RunTool({"models", "--target", "127.0.0.1:1"}).code, 4);
  unsetenv("PINTLE_TARGET");
}

TEST(PintleAppTest, ColoursAreThereOnlyWhenAskedFor) {
  const ScriptedServer server;
  EXPECT_THAT(server.Run({"generate", "--prompt", "a", "--color", "always"}).err,
              HasSubstr("\033[2m"));
  EXPECT_THAT(server.Run({"generate", "--prompt", "a", "--color", "never"}).err,
              ::testing::Not(HasSubstr("\033")));
}

TEST(PintleAppTest, ALocalCommandGetsItsOwnArguments) {
  static std::string seen;
  const LocalCommand serve = {"serve", "Everything in one process", [](int argc, char** argv) {
                                for (int i = 0; i < argc; ++i) seen += std::string(argv[i]) + ";";
                                return 42;
                              }};
  std::istringstream in;
  std::ostringstream out, err;
  Interrupt interrupt;
  const SystemClock clock;
  std::string words[] = {"pintle", "serve", "--listen", "x"};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data()};
  EXPECT_EQ(RunPintle(4, argv, {serve}, {in, out, err, interrupt, clock, false}), 42);
  EXPECT_EQ(seen, "serve;--listen;x;");
  std::string help = "--help";
  argv[1] = help.data();
  EXPECT_EQ(RunPintle(2, argv, {serve}, {in, out, err, interrupt, clock, false}), 0);
  EXPECT_THAT(out.str(), HasSubstr("Everything in one process"));
}

}  // namespace
}  // namespace pintle

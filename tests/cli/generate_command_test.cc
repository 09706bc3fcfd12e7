// SPDX-License-Identifier: Apache-2.0
#include "cli/generate_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "cli/input_text.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ScriptedServer;
using testing::ToolRun;
using Json = nlohmann::json;

TEST(GenerateCommandTest, TheTextIsAllOfStandardOutputAndTheFiguresAreBesideIt) {
  const ScriptedServer server;
  const ToolRun run = server.Run({"generate", "--prompt", "Hi", "--max-tokens", "2"});
  EXPECT_EQ(run.code, 0);
  EXPECT_EQ(run.out, "Hello there\n");
  EXPECT_THAT(run.err, HasSubstr("prompt 10 tokens, 9 cached (9 session)"));
  EXPECT_EQ(server.turns().at(0).prompt().text(), "Hi");
  EXPECT_EQ(server.turns().at(0).stopping().max_tokens(), 2);
  EXPECT_THAT(server.Run({"generate", "--prompt", "Hi", "--quiet"}).err, IsEmpty());
}

TEST(GenerateCommandTest, JsonIsExactlyOneObject) {
  const ScriptedServer server;
  const ToolRun run = server.Run({"generate", "--tokens", "1,2,3", "--json"});
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["text"], "Hello there");
  EXPECT_EQ(json["token_ids"], Json({41, 42}));
  EXPECT_EQ(json["finish_reason"], "length");
  EXPECT_EQ(json["usage"]["completion_tokens"], 2);
  EXPECT_LE(json["timings"]["ttft_seconds"], json["timings"]["total_seconds"]);
  EXPECT_EQ(run.err, "");
}

TEST(GenerateCommandTest, TheJsonFileIsWrittenWhileTheTextStreams) {
  const ScriptedServer server;
  const std::string path = ::testing::TempDir() + "/pintle_generate.json";
  const ToolRun run = server.Run({"generate", "--prompt", "Hi", "--output-json", path});
  EXPECT_EQ(run.out, "Hello there\n");
  EXPECT_EQ(Json::parse(*ReadInputFile("--x", path))["text"], "Hello there");
}

TEST(GenerateCommandTest, AnAbsentSessionIsCreatedAndAKnownOneIsUsed) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"generate", "--session", "tea", "--chat", "Hi"}).code, 0);
  EXPECT_EQ(server.Run({"generate", "--session", "tea", "--chat", "And?"}).code, 0);
  EXPECT_EQ(server.sessions().at("tea").turns(), 2);
  EXPECT_EQ(server.turns().size(), 2U);
}

TEST(GenerateCommandTest, ARefusalIsOnStandardErrorWithItsCodeReasonAndField) {
  ScriptedServer server;
  server.FailTurns(InvalidField("n", "is 9, limit 8"));
  const ToolRun run = server.Run({"generate", "--prompt", "Hi", "--n", "9", "--json"});
  EXPECT_EQ(run.code, 3);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("error: INVALID_ARGUMENT INVALID_FIELD: n is 9, limit 8"));
  EXPECT_THAT(run.err, HasSubstr("field: n"));
  EXPECT_THAT(run.err, HasSubstr("next: "));
}

TEST(GenerateCommandTest, EachKindOfFailureHasItsExitCode) {
  ScriptedServer server;
  const std::pair<Reason, int> expected[] = {
      {Reason::kPromptTooLong, 3}, {Reason::kModelNotFound, 3}, {Reason::kContextFull, 3},
      {Reason::kNotYet, 3},        {Reason::kSessionBusy, 4},   {Reason::kQueueFull, 4},
      {Reason::kWorkerLost, 4},    {Reason::kBadToken, 5},      {Reason::kModelFailed, 7}};
  for (const auto& [reason, code] : expected) {
    server.FailTurns(MakeError(reason, "m"));
    EXPECT_EQ(server.Run({"generate", "--prompt", "Hi"}).code, code) << ReasonName(reason);
  }
}

TEST(GenerateCommandTest, TheDeadlineEndsAHangingTurn) {
  ScriptedServer server;
  server.HangTurns();
  const ToolRun run = server.Run({"generate", "--prompt", "Hi", "--timeout", "0.3"});
  EXPECT_EQ(run.code, 6);
  EXPECT_THAT(run.err, HasSubstr("--timeout"));
}

TEST(GenerateCommandTest, AWrongCommandLineNeverReachesTheServer) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"generate"}).code, 2);
  EXPECT_EQ(server.Run({"generate", "--prompt", "a", "--chat", "b"}).code, 2);
  EXPECT_EQ(server.Run({"generate", "--tokens", "1,x"}).code, 2);
  EXPECT_EQ(server.Run({"generate", "--prompt", "a", "--no-such-flag"}).code, 2);
  EXPECT_EQ(server.Run({"generate", "--prompt-file", "/no/such/file"}).code, 1);
  EXPECT_TRUE(server.turns().empty());
}

}  // namespace
}  // namespace pintle

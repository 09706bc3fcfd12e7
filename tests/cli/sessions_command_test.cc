// SPDX-License-Identifier: Apache-2.0
#include "cli/sessions_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedServer;
using testing::ToolRun;
using Json = nlohmann::json;

TEST(SessionsCommandTest, ASessionIsMadeShownChangedAndDeleted) {
  const ScriptedServer server;
  const ToolRun made =
      server.Run({"sessions", "create", "tea", "--lease", "30m", "--label", "a=b"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, "tea\n");
  EXPECT_EQ(server.sessions().at("tea").lease().seconds(), 1800);
  EXPECT_EQ(server.sessions().at("tea").labels().at("a"), "b");
  EXPECT_THAT(server.Run({"sessions", "get", "tea"}).out, HasSubstr("session:    tea"));
  EXPECT_EQ(server.Run({"sessions", "update", "tea", "--lease", "60"}).code, 0);
  EXPECT_EQ(server.sessions().at("tea").lease().seconds(), 60);
  EXPECT_THAT(server.Run({"sessions", "delete", "tea"}).err, HasSubstr("100 cached tokens"));
  EXPECT_TRUE(server.sessions().empty());
}

TEST(SessionsCommandTest, AServerMadeIdIsPrintedForScripts) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"sessions", "create"}).out, "made-by-server\n");
}

TEST(SessionsCommandTest, TheTranscriptsJsonHasTheIdsTheDemoReads) {
  const ScriptedServer server;
  server.Run({"sessions", "create", "tea"});
  const ToolRun run = server.Run({"sessions", "get", "tea", "--transcript", "--json"});
  const Json json = Json::parse(run.out);
  EXPECT_EQ(json["transcript"][0]["tokenIds"], Json({1, 2, 3}));
  EXPECT_EQ(json["transcript"][0]["outputTokens"], 1);
  EXPECT_THAT(server.Run({"sessions", "get", "tea", "--transcript"}).out, HasSubstr("[user]"));
}

TEST(SessionsCommandTest, AListFollowsThePagesUpToItsLimit) {
  const ScriptedServer server;
  for (const char* id : {"a", "b", "c", "d", "e"}) server.Run({"sessions", "create", id});
  const Json all = Json::parse(server.Run({"sessions", "list", "--json"}).out);
  ASSERT_EQ(all["sessions"].size(), 5U);
  EXPECT_EQ(all["sessions"][4]["id"], "e");
  const ToolRun some = server.Run({"sessions", "list", "--limit", "3"});
  EXPECT_THAT(some.out, HasSubstr("\nc "));
  EXPECT_THAT(some.err, HasSubstr("there are more"));
}

TEST(SessionsCommandTest, MistakesHaveTheirExitCodes) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"sessions", "get", "nobody"}).code, 3);
  EXPECT_EQ(server.Run({"sessions"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "get"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "create", "tea", "--lease", "soon"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "create", "tea", "--label", "x"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "create", "tea", "--pin", "forever"}).code, 2);
}

}  // namespace
}  // namespace pintle

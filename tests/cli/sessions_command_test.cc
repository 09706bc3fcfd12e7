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

TEST(SessionsCommandTest, PinsAndHintsAreSentAsTheirFlagsSay) {
  const ScriptedServer server;
  const ToolRun made = server.Run({"sessions", "create", "vip", "--pin", "guaranteed", "--budget",
                                   "4096", "--resident"});
  EXPECT_EQ(made.code, 0) << made.err;
  EXPECT_EQ(made.out, "vip\n");
  EXPECT_THAT(made.err, HasSubstr("with the next turn"));
  const v1::Pin pin = server.sessions().at("vip").pin();
  EXPECT_EQ(pin.kind(), v1::GUARANTEED);
  EXPECT_EQ(pin.budget_tokens(), 4096);
  EXPECT_TRUE(pin.resident());
  const ToolRun changed =
      server.Run({"sessions", "update", "vip", "--pin", "retained", "--priority", "0", "--ttl",
                  "5m", "--outlook", "awaiting_tool", "--expected-return", "2m"});
  EXPECT_EQ(changed.code, 0) << changed.err;
  const v1::Session session = server.sessions().at("vip");
  EXPECT_EQ(session.pin().kind(), v1::RETAINED);
  EXPECT_TRUE(session.pin().has_priority());
  EXPECT_EQ(session.pin().ttl().seconds(), 300);
  EXPECT_EQ(session.outlook(), v1::AWAITING_TOOL);
  EXPECT_EQ(server.Run({"sessions", "create", "x", "--pin", "guaranteed"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "create", "x", "--budget", "5"}).code, 2);
  EXPECT_EQ(server.Run({"sessions", "create", "x", "--pin", "retained", "--priority", "101"}).code,
            2);
  EXPECT_EQ(server.Run({"sessions", "update", "vip", "--outlook", "bright"}).code, 2);
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

// SPDX-License-Identifier: Apache-2.0
#include "cli/cache_command.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ScriptedServer;

TEST(CacheCommandTest, SessionsAreAskedForOnlyWithTheFlag) {
  const ScriptedServer server;
  EXPECT_THAT(server.Run({"cache", "--sessions"}).out, HasSubstr("tea"));
  const auto plain = server.Run({"cache"});
  EXPECT_EQ(plain.code, 0);
  EXPECT_THAT(plain.out, HasSubstr("worker worker-1"));
  EXPECT_THAT(plain.out, Not(HasSubstr("tea")));
}

TEST(CacheCommandTest, JsonIsTheResponse) {
  const ScriptedServer server;
  const auto json = nlohmann::json::parse(server.Run({"cache", "--json"}).out);
  EXPECT_EQ(json["workers"][0]["tiers"][0]["blocksFree"], "100");
}

TEST(CacheCommandTest, WatchPrintsALineForEachEventAndEndsAtItsLimit) {
  const ScriptedServer server;
  const auto run = server.Run({"cache", "watch", "--worker", "w9", "--limit", "2"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("worker w9"));
  EXPECT_THAT(run.out, HasSubstr("stored 16 tokens of tea (acme)"));
}

TEST(CacheCommandTest, WatchGoesOnAfterTheSequenceItIsGiven) {
  const ScriptedServer server;
  const auto run =
      server.Run({"cache", "watch", "--epoch", "7", "--sequence", "40", "--limit", "1", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("\"sequence\": \"41\""));
}

TEST(CacheCommandTest, ExplainReadsLikeASentence) {
  const ScriptedServer server;
  const auto run = server.Run({"cache", "explain", "--tokens", "2048"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("To make room for 2,048 tokens (128 blocks of 16) on worker-1, 1 "
                                 "block would go"));
  EXPECT_THAT(run.out, HasSubstr("because it is idle for 5 s."));
  EXPECT_EQ(nlohmann::json::parse(
                server.Run({"cache", "explain", "--tokens", "16", "--json"}).out)["blocksNeeded"],
            "1");
  EXPECT_NE(server.Run({"cache", "explain"}).code, 0);
}

TEST(CacheCommandTest, PolicyNamesItsPredecessor) {
  const ScriptedServer server;
  const auto run = server.Run({"cache", "policy", "fifo"});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("ordered by fifo now; before it was lru"));
}

}  // namespace
}  // namespace pintle

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

}  // namespace
}  // namespace pintle

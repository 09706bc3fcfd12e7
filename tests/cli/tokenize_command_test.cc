// SPDX-License-Identifier: Apache-2.0
#include "cli/tokenize_command.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using testing::ScriptedServer;

TEST(TokenizeCommandTest, IdsComeInTheFormThatTokensTakes) {
  const ScriptedServer server;
  const auto run = server.Run({"tokenize", "--prompt", "Hi"});
  EXPECT_EQ(run.out, "7,8\n");
  EXPECT_EQ(run.err, "2 tokens\n");
}

TEST(TokenizeCommandTest, IdsBecomeText) {
  const ScriptedServer server;
  EXPECT_EQ(server.Run({"tokenize", "--tokens", "7,8"}).out, "text of ids\n");
}

TEST(TokenizeCommandTest, JsonIsTheResponse) {
  const ScriptedServer server;
  const auto json = nlohmann::json::parse(server.Run({"tokenize", "--chat", "Hi", "--json"}).out);
  EXPECT_EQ(json["tokenIds"], nlohmann::json({7, 8}));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/models_command.h"

#include <nlohmann/json.hpp>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cli/scripted_server.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using testing::ScriptedServer;

TEST(ModelsCommandTest, EveryModelIsARow) {
  const ScriptedServer server;
  EXPECT_THAT(server.Run({"models"}).out, HasSubstr("SmolLM2"));
  const auto json = nlohmann::json::parse(server.Run({"models", "--json"}).out);
  EXPECT_EQ(json["models"][0]["name"], "SmolLM2");
}

}  // namespace
}  // namespace pintle

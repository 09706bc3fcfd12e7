// SPDX-License-Identifier: Apache-2.0
#include "services/options/server_options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>

#include "gtest/gtest.h"

namespace pintle {
namespace {

ServerOptions Parse(const std::string& line) {
  CLI::App app;
  ServerOptions options;
  options.listen = "127.0.0.1:1";
  AddServerFlags(app, options);
  AddEnvironmentAndConfig(app);
  app.parse(line);
  return options;
}

TEST(ServerOptionsTest, FlagsGoBeforeTheEnvironmentAndThatBeforeTheFileAndThatBeforeTheTable) {
  const std::string path = testing::TempDir() + "/server_options_test.conf";
  std::ofstream(path) << "grace-seconds=5\nlog-format=json\nsessions-max=7\n";
  ASSERT_EQ(setenv("PINTLE_GRACE_SECONDS", "6", 1), 0);
  ASSERT_EQ(setenv("PINTLE_LOG_FORMAT", "text", 1), 0);
  const ServerOptions options = Parse("--config " + path + " --grace-seconds 7");
  unsetenv("PINTLE_GRACE_SECONDS");
  unsetenv("PINTLE_LOG_FORMAT");
  EXPECT_EQ(options.grace_seconds, 7);
  EXPECT_EQ(options.log_format, "text");
  EXPECT_EQ(options.sessions_max, 7u);
  EXPECT_EQ(options.listen, "127.0.0.1:1");
  EXPECT_EQ(options.session_ttl_hours, 24);
}

TEST(ServerOptionsTest, EverythingIsSafeByDefault) {
  const ServerOptions options = Parse("");
  EXPECT_FALSE(options.allow_plaintext);
  EXPECT_TRUE(options.metrics_listen.empty());
  EXPECT_TRUE(options.health_listen.empty());
}

TEST(ServerOptionsTest, FaultyValuesAreRefused) {
  EXPECT_THROW(Parse("--log-format xml"), CLI::ParseError);
  EXPECT_THROW(Parse("--grace-seconds -1"), CLI::ParseError);
  EXPECT_THROW(Parse("--sessions-max 0"), CLI::ParseError);
  EXPECT_THROW(Parse("--no-such-flag"), CLI::ParseError);
}

}  // namespace
}  // namespace pintle

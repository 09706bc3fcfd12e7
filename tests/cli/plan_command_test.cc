// SPDX-License-Identifier: Apache-2.0
#include "cli/plan_command.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace pintle {
namespace {

struct Answer {
  int status = 0;
  std::string out;
  std::string err;
};

Answer Ask(std::vector<std::string> words) {
  words.insert(words.begin(), {"plan", "--model",
                               std::string(PINTLE_SOURCE_DIR "/tests/data/model/llama_plain")});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Answer answer;
  answer.status = RunPlan(static_cast<int>(argv.size()), argv.data());
  answer.out = testing::internal::GetCapturedStdout();
  answer.err = testing::internal::GetCapturedStderr();
  return answer;
}

TEST(PlanCommandTest, FiguresFollowFromTheConfiguration) {
  const Answer answer =
      Ask({"--kv-bytes", "1MiB", "--dtype", "f32", "--sessions", "3", "--context", "64", "--json"});
  ASSERT_EQ(answer.status, 0) << answer.err;
  const nlohmann::json json = nlohmann::json::parse(answer.out);
  const std::int64_t per_token = json["bytes_per_token"];
  const std::int64_t block_bytes = json["block_bytes"];
  EXPECT_EQ(json["model"], "llama_plain");
  EXPECT_EQ(json["kv_dtype"], "f32");
  EXPECT_EQ(json["block_tokens"], 32);
  EXPECT_GE(block_bytes, 32 * per_token);
  EXPECT_EQ(json["device"]["blocks"], (1 << 20) / block_bytes);
  EXPECT_EQ(json["session_blocks"], 2);
}

TEST(PlanCommandTest, APinBudgetIsTakenAsTheWorkerTakesItOrRefused) {
  const Answer share = Ask({"--kv-bytes", "16MiB", "--pin-budget", "10%", "--json"});
  ASSERT_EQ(share.status, 0) << share.err;
  const nlohmann::json json = nlohmann::json::parse(share.out);
  const std::int64_t blocks = json["device"]["blocks"];
  EXPECT_EQ(json["pin_budget_tokens"], blocks / 10 * 32);
  const Answer tokens = Ask({"--kv-bytes", "16MiB", "--pin-budget", "64"});
  EXPECT_NE(tokens.out.find("guarantees up to 64 tokens"), std::string::npos) << tokens.out;
  const Answer all = Ask({"--kv-bytes", "16MiB", "--pin-budget", "100%"});
  EXPECT_EQ(all.status, 1);
  EXPECT_NE(all.err.find("--pin-budget comes to"), std::string::npos) << all.err;
  EXPECT_EQ(Ask({"--pin-budget", "much"}).status, 1);
}

TEST(PlanCommandTest, MemoryIsForWeightsAndPool) {
  const Answer whole = Ask({"--memory", "1MiB", "--json"});
  ASSERT_EQ(whole.status, 0) << whole.err;
  const nlohmann::json json = nlohmann::json::parse(whole.out);
  EXPECT_EQ(json["kv_bytes"].get<std::int64_t>() + json["weight_bytes"].get<std::int64_t>(),
            1 << 20);
}

TEST(PlanCommandTest, TextSaysWhetherTheSessionsFit) {
  const Answer fits = Ask({"--kv-bytes", "16MiB", "--sessions", "1"});
  EXPECT_NE(fits.out.find("1 sessions fit into the pool"), std::string::npos) << fits.out;
  const Answer not_fits = Ask({"--kv-bytes", "1MiB", "--sessions", "100000"});
  EXPECT_NE(not_fits.out.find("100000 sessions do not fit; a pool for all is --kv-bytes"),
            std::string::npos)
      << not_fits.out;
}

TEST(PlanCommandTest, TooLittleMemoryAndFaultyFlagsAreToldApart) {
  const Answer small = Ask({"--kv-bytes", "1KiB"});
  EXPECT_EQ(small.status, 1);
  EXPECT_TRUE(small.out.empty());
  EXPECT_EQ(Ask({"--kv-bytes", "lots"}).status, 1);
  EXPECT_EQ(Ask({"--dtype", "int3"}).status, 2);
}

}  // namespace
}  // namespace pintle

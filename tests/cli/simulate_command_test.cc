// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate_command.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::HasSubstr;

struct Result {
  int code = -1;
  std::string out;
  std::string err;
  std::string progress;
};

Result Tool(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "simulate");
  std::ostringstream out;
  std::ostringstream err;
  std::ostringstream progress;
  Result result;
  result.code = RunSimulateOn(static_cast<int>(arguments.size()), arguments.data(), out, err,
                              &progress);
  return {result.code, out.str(), err.str(), progress.str()};
}

std::string FileOf(const std::string& name, const std::string& text) {
  const std::string path = testing::TempDir() + "/" + name;
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

// Two turns of one conversation and a stranger between them.
constexpr char kTrace[] =
    "{\"timestamp\": 0, \"input_length\": 900, \"output_length\": 5, \"hash_ids\": [0, 1]}\n"
    "{\"timestamp\": 10, \"input_length\": 900, \"output_length\": 5, \"hash_ids\": [5, 6]}\n"
    "{\"timestamp\": 20, \"input_length\": 1400, \"output_length\": 5, \"hash_ids\": [0, 1, 2]}\n";

TEST(SimulateCommandTest, JsonIsAListOfPoliciesCapacitiesAndHitRatiosAndNothingElse) {
  const std::string trace = FileOf("simulate_json.jsonl", kTrace);
  const Result run = Tool({"--trace", trace.c_str(), "--policy", "lru,belady", "--capacity",
                           "2,0.8", "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  ASSERT_EQ(json.size(), 4U);
  const nlohmann::json first = {{"policy", "lru"}, {"capacity_blocks", 2}, {"hit_ratio", 0.0}};
  EXPECT_EQ(json[0], first);
  EXPECT_EQ(json[1]["capacity_blocks"], 4);
  EXPECT_DOUBLE_EQ(json[1]["hit_ratio"], 2.0 / 7);
  EXPECT_EQ(json[2]["policy"], "belady");
  EXPECT_DOUBLE_EQ(json[2]["hit_ratio"], 2.0 / 7);
}

TEST(SimulateCommandTest, ATableNamesEachPolicyAndProgressGoesBesideIt) {
  const std::string trace = FileOf("simulate_table.jsonl", kTrace);
  const Result run = Tool({"--trace", trace.c_str(), "--capacity", "2,4"});
  ASSERT_EQ(run.code, 0) << run.err;
  for (const char* word : {"3 requests", "5 unique", "lru", "session_aware", "belady", "0.2857"}) {
    EXPECT_THAT(run.out, HasSubstr(word));
  }
  EXPECT_THAT(run.progress, HasSubstr("1 of "));
}

TEST(SimulateCommandTest, AGeneratedTraceCanBeSavedAndReplayed) {
  const std::string path = testing::TempDir() + "/simulate_saved.jsonl";
  const Result drawn = Tool({"--generate", "3:scans", "--save", path.c_str(), "--policy", "lru",
                            "--capacity", "500", "--json"});
  ASSERT_EQ(drawn.code, 0) << drawn.err;
  const Result read =
      Tool({"--trace", path.c_str(), "--policy", "lru", "--capacity", "500", "--json"});
  ASSERT_EQ(read.code, 0) << read.err;
  EXPECT_EQ(read.out, drawn.out);
}

TEST(SimulateCommandTest, AnSvgIsWrittenWhereAsked) {
  const std::string trace = FileOf("simulate_plot.jsonl", kTrace);
  const std::string path = testing::TempDir() + "/simulate_plot.svg";
  ASSERT_EQ(Tool({"--trace", trace.c_str(), "--capacity", "2,4", "--plot", path.c_str()}).code, 0);
  std::stringstream svg;
  svg << std::ifstream(path).rdbuf();
  EXPECT_THAT(svg.str(), HasSubstr("<svg "));
  EXPECT_EQ(Tool({"--trace", trace.c_str(), "--plot", "/nonexistent/x.svg"}).code, 1);
}

TEST(SimulateCommandTest, FaultyFlagsAreExitCodeTwoAndFaultyFilesOne) {
  const std::string good = FileOf("simulate_good.jsonl", kTrace);
  const std::string bad =
      FileOf("simulate_bad.jsonl", "{\"timestamp\": 0, \"hash_ids\": [1, x]}\n");
  EXPECT_EQ(Tool({}).code, 2);
  EXPECT_EQ(Tool({"--nonsense"}).code, 2);
  EXPECT_EQ(Tool({"--trace", good.c_str(), "--generate", "1"}).code, 2);
  EXPECT_EQ(Tool({"--generate", "x"}).code, 2);
  EXPECT_EQ(Tool({"--generate", "1:x"}).code, 2);
  const Result policy = Tool({"--trace", good.c_str(), "--policy", "nope"});
  EXPECT_EQ(policy.code, 2);
  EXPECT_THAT(policy.err, HasSubstr("session_aware"));
  EXPECT_EQ(Tool({"--trace", good.c_str(), "--capacity", "0"}).code, 2);
  EXPECT_EQ(Tool({"--trace", "/nonexistent/trace"}).code, 1);
  const Result line = Tool({"--trace", bad.c_str()});
  EXPECT_EQ(line.code, 1);
  EXPECT_THAT(line.err, HasSubstr("line 1: hash_ids[1] is not an integer"));
  EXPECT_EQ(line.out, "");
}

TEST(SimulateCommandTest, HelpHasExamplesAndTheDefaults) {
  const Result run = Tool({"--help"});
  EXPECT_EQ(run.code, 0);
  for (const char* word : {"Examples", "--trace", "--generate", "belady", "0.01,0.02"}) {
    EXPECT_THAT(run.out, HasSubstr(word));
  }
}

}  // namespace
}  // namespace pintle

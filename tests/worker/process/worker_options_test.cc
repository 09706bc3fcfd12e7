// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_options.h"

#include <CLI/CLI.hpp>

#include "gtest/gtest.h"
#include "worker/kv/policy_registry.h"

namespace pintle {
namespace {

WorkerOptions Parse(const std::string& line) {
  CLI::App app;
  WorkerOptions options;
  AddWorkerFlags(app, options, /*cluster=*/true);
  app.parse(line);
  return options;
}

TEST(WorkerOptionsTest, FlagsOfTheContractAreTaken) {
  const WorkerOptions options = Parse(
      "--model m --coordinator a:1,b:2 --advertise c:3 --threads 2 --dtype f32 --kv-dtype bf16 "
      "--kv-bytes 2GiB");
  EXPECT_EQ(options.coordinators, (std::vector<std::string>{"a:1", "b:2"}));
  EXPECT_EQ(options.advertise, "c:3");
  EXPECT_EQ(options.threads, 2);
  EXPECT_TRUE(options.Validate().ok()) << options.Validate();
}

TEST(WorkerOptionsTest, AFaultyValueNamesItsFlag) {
  WorkerOptions options = Parse("--model m --kv-bytes lots");
  EXPECT_NE(options.Validate().message().find("--kv-bytes"), std::string::npos);
  options = Parse("--model m --pin-budget half");
  EXPECT_EQ(options.Validate().message(),
            "--pin-budget is 'half', it takes tokens (4096) or a percentage of the pool (25%)");
  EXPECT_TRUE(Parse("--model m --pin-budget 25%").Validate().ok());
  options = Parse("--model m --device tpu");
  EXPECT_NE(options.Validate().message().find("--device"), std::string::npos);
  options = Parse("--model m --dtype f16");
  EXPECT_NE(options.Validate().message().find("--dtype"), std::string::npos);
  EXPECT_TRUE(Parse("--model m --dtype f16 --device cuda:0").Validate().ok());
  EXPECT_THROW(Parse("--model m --dtype int3"), CLI::ParseError);
  for (const char* quantised :
       {"--dtype int8", "--dtype w8a8", "--dtype int4", "--kv-dtype int8"}) {
    const std::string line = std::string("--model m ") + quantised;
    EXPECT_TRUE(Parse(line).Validate().ok()) << line;
    for (const char* other : {" --device cuda:0", " --kernels aten"}) {
      const absl::Status status = Parse(line + other).Validate();
      EXPECT_NE(status.message().find(quantised), std::string::npos) << line << other;
    }
  }
  EXPECT_THROW(Parse("--threads 2"), CLI::ParseError) << "a model is required";
}

TEST(WorkerOptionsTest, BatchInvariantTakesOurKernelsAlone) {
  EXPECT_FALSE(Parse("--model m").batch_invariant);
  EXPECT_TRUE(Parse("--model m --batch-invariant --dtype int4 --kv-dtype int8").Validate().ok());
  for (const char* other : {" --device cuda:0", " --kernels aten"}) {
    const std::string line = std::string("--model m --batch-invariant") + other;
    const absl::Status status = Parse(line).Validate();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << other;
    EXPECT_NE(status.message().find("--batch-invariant"), std::string::npos) << other;
  }
}

TEST(WorkerOptionsTest, SpeculationIsOnWithinItsBoundsUnlessSwitchedOff) {
  EXPECT_EQ(Parse("--model m").speculation, "ngram");
  EXPECT_EQ(Parse("--model m --speculation off").speculation, "off");
  EXPECT_EQ(Parse("--model m --speculation-tokens 16").speculation_tokens, 16);
  EXPECT_THROW(Parse("--model m --speculation draft"), CLI::ParseError);
  EXPECT_THROW(Parse("--model m --speculation-tokens 17"), CLI::ParseError);
}

TEST(WorkerOptionsTest, EveryPolicyOfTheRegistryIsTakenAndShown) {
  CLI::App app;
  WorkerOptions options;
  AddWorkerFlags(app, options, /*cluster=*/false);
  const std::string help = app.help();
  for (const absl::string_view name : kv::PolicyNames()) {
    const std::string policy(name);
    EXPECT_EQ(Parse("--model m --eviction-policy " + policy).eviction_policy, policy);
    EXPECT_NE(help.find(policy), std::string::npos) << policy;
  }
  EXPECT_THROW(Parse("--model m --eviction-policy mru"), CLI::ParseError);
}

TEST(WorkerOptionsTest, ComputeThreadsArePinnedAutomaticallyUnlessToldOtherwise) {
  EXPECT_EQ(Parse("--model m").core_pinning, "auto");
  EXPECT_EQ(Parse("--model m --core-pinning off").core_pinning, "off");
  EXPECT_THROW(Parse("--model m --core-pinning always"), CLI::ParseError);
}

TEST(WorkerOptionsTest, AModelIsNamedByItsFolderUnlessTheFlagNamesIt) {
  EXPECT_EQ(ParseModelFlag("models/Smol").name, "Smol");
  EXPECT_EQ(ParseModelFlag("models/Smol/").name, "Smol");
  EXPECT_EQ(ParseModelFlag("tiny=models/Smol").name, "tiny");
  EXPECT_EQ(ParseModelFlag("tiny=models/Smol").folder, "models/Smol");
  EXPECT_EQ(ParseModelFlag("/a/x=y/Smol").folder, "/a/x=y/Smol") << "this = is the path's own";
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/turn_flags.h"

#include <CLI/CLI.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "pintle/v1/inference.pb.h"

namespace pintle {
namespace {

v1::GenerateRequest Request(const std::vector<std::string>& words) {
  CLI::App app;
  TurnFlags flags;
  AddTurnFlags(app, flags);
  app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  v1::GenerateRequest request;
  FillOptions(flags, request);
  return request;
}

TEST(TurnFlagsTest, WhatIsNotGivenIsNotSent) {
  const v1::GenerateRequest request = Request({});
  EXPECT_FALSE(request.sampling().has_temperature());
  EXPECT_FALSE(request.sampling().has_seed());
  EXPECT_FALSE(request.stopping().has_max_tokens());
  EXPECT_FALSE(request.output().logprobs());
  EXPECT_FALSE(request.has_priority());
}

TEST(TurnFlagsTest, EveryFlagReachesItsField) {
  const v1::GenerateRequest request = Request({"--model",
                                               "m",
                                               "--max-tokens",
                                               "7",
                                               "--min-tokens",
                                               "2",
                                               "--temperature",
                                               "0",
                                               "--seed",
                                               "18446744073709551615",
                                               "--top-p",
                                               "0.5",
                                               "--top-k",
                                               "3",
                                               "--min-p",
                                               "0.25",
                                               "--repetition-penalty",
                                               "1.5",
                                               "--presence-penalty",
                                               "-1",
                                               "--frequency-penalty",
                                               "2",
                                               "--stop",
                                               "a b",
                                               "--stop",
                                               "",
                                               "--logprobs",
                                               "4",
                                               "--priority",
                                               "99",
                                               "--ignore-eos"});
  EXPECT_EQ(request.model(), "m");
  EXPECT_EQ(request.stopping().max_tokens(), 7);
  EXPECT_EQ(request.stopping().min_tokens(), 2);
  EXPECT_TRUE(request.sampling().has_temperature());
  EXPECT_EQ(request.sampling().temperature(), 0);
  EXPECT_EQ(request.sampling().seed(), 18446744073709551615ULL);
  EXPECT_EQ(request.sampling().top_p(), 0.5F);
  EXPECT_EQ(request.sampling().top_k(), 3);
  EXPECT_EQ(request.sampling().min_p(), 0.25F);
  EXPECT_EQ(request.sampling().repetition_penalty(), 1.5F);
  EXPECT_EQ(request.sampling().presence_penalty(), -1);
  EXPECT_EQ(request.sampling().frequency_penalty(), 2);
  ASSERT_EQ(request.stopping().stop_size(), 2);
  EXPECT_EQ(request.stopping().stop(0), "a b");
  EXPECT_TRUE(request.output().logprobs());
  EXPECT_EQ(request.output().top_logprobs(), 4);
  EXPECT_EQ(request.priority(), 99);
  EXPECT_TRUE(request.stopping().ignore_eos());
}

TEST(TurnFlagsTest, ANumberTheServerMustJudgeIsPassedOn) {
  EXPECT_TRUE(std::isnan(Request({"--temperature", "nan"}).sampling().temperature()));
  EXPECT_EQ(Request({"--max-tokens", "-1"}).stopping().max_tokens(), -1);
}

TEST(TurnFlagsTest, WhatIsNoNumberIsAUsageError) {
  EXPECT_THROW(Request({"--max-tokens", "many"}), CLI::ParseError);
  EXPECT_THROW(Request({"--seed", "-1"}), CLI::ParseError);
}

}  // namespace
}  // namespace pintle

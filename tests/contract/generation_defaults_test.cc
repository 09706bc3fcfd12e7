// SPDX-License-Identifier: Apache-2.0
#include "contract/generation_defaults.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(ResolveSamplingTest, TheClientGoesBeforeTheModel) {
  SamplingOptions options;
  options.temperature = 0.0F;
  options.top_k = 0;
  options.top_p = 1.0F;
  options.min_p = 0.0F;
  options.repetition_penalty = 1.0F;
  options.presence_penalty = 0.5F;
  options.frequency_penalty = -0.5F;
  options.logit_bias = {{3, 1.0F}};
  options.seed = 0;
  ModelDefaults model;
  model.do_sample = true;
  model.temperature = 0.6F;
  model.top_k = 20;
  model.top_p = 0.95F;
  model.min_p = 0.1F;
  model.repetition_penalty = 1.1F;
  const ResolvedSampling resolved = ResolveSampling(options, model, 7);
  EXPECT_EQ(resolved.temperature, 0.0F);
  EXPECT_EQ(resolved.top_k, 0);
  EXPECT_EQ(resolved.top_p, 1.0F);
  EXPECT_EQ(resolved.min_p, 0.0F);
  EXPECT_EQ(resolved.repetition_penalty, 1.0F);
  EXPECT_EQ(resolved.presence_penalty, 0.5F);
  EXPECT_EQ(resolved.frequency_penalty, -0.5F);
  EXPECT_THAT(resolved.logit_bias, ElementsAre(testing::Pair(3, 1.0F)));
  EXPECT_EQ(resolved.seed, 0u);
}

TEST(ResolveSamplingTest, TheModelGoesBeforeTheTable) {
  ModelDefaults model;
  model.do_sample = true;
  model.temperature = 0.6F;
  model.top_k = 20;
  model.top_p = 0.95F;
  model.min_p = 0.1F;
  model.repetition_penalty = 1.1F;
  const ResolvedSampling resolved = ResolveSampling({}, model, 7);
  EXPECT_EQ(resolved.temperature, 0.6F);
  EXPECT_EQ(resolved.top_k, 20);
  EXPECT_EQ(resolved.top_p, 0.95F);
  EXPECT_EQ(resolved.min_p, 0.1F);
  EXPECT_EQ(resolved.repetition_penalty, 1.1F);
  EXPECT_EQ(resolved.seed, 7u);
}

TEST(ResolveSamplingTest, AModelThatDoesNotSampleIsGreedyUnlessAsked) {
  ModelDefaults model;
  model.do_sample = false;
  model.temperature = 0.6F;
  EXPECT_EQ(ResolveSampling({}, model, 0).temperature, 0.0F);
  SamplingOptions options;
  options.temperature = 0.9F;
  EXPECT_EQ(ResolveSampling(options, model, 0).temperature, 0.9F);
}

TEST(ResolveSamplingTest, ASilentModelSamplesAtOne) {
  EXPECT_EQ(ResolveSampling({}, {}, 0).temperature, 1.0F);
  ModelDefaults model;
  model.do_sample = true;
  EXPECT_EQ(ResolveSampling({}, model, 0).temperature, 1.0F);
}

TEST(ResolveStoppingTest, MaxTokensIsTheClientsElseTheModelsElseTheTables) {
  StoppingOptions options;
  ModelDefaults model;
  EXPECT_EQ(ResolveStopping(options, model, 100000).max_tokens, 1024);
  model.max_new_tokens = 300;
  EXPECT_EQ(ResolveStopping(options, model, 100000).max_tokens, 300);
  options.max_tokens = 5000;
  EXPECT_EQ(ResolveStopping(options, model, 100000).max_tokens, 5000);
}

TEST(ResolveStoppingTest, TheContextsEndClipsBothBounds) {
  StoppingOptions options;
  options.max_tokens = std::numeric_limits<std::int32_t>::max();
  options.min_tokens = 200;
  const ResolvedStopping resolved = ResolveStopping(options, {}, 128);
  EXPECT_EQ(resolved.max_tokens, 128);
  EXPECT_EQ(resolved.min_tokens, 128);
  EXPECT_EQ(ResolveStopping(options, {}, 1).max_tokens, 1);
}

TEST(ResolveStoppingTest, IdListsAreSortedAndUnique) {
  StoppingOptions options;
  options.stop_token_ids = {9, 3, 9};
  ModelDefaults model;
  model.eos_token_ids = {2, 1, 2};
  const ResolvedStopping resolved = ResolveStopping(options, model, 10);
  EXPECT_THAT(resolved.eos_token_ids, ElementsAre(1, 2));
  EXPECT_THAT(resolved.stop_token_ids, ElementsAre(3, 9));
}

TEST(ResolveStoppingTest, IgnoreEosKeepsTheClientsStopIds) {
  StoppingOptions options;
  options.ignore_eos = true;
  options.stop_token_ids = {2};
  ModelDefaults model;
  model.eos_token_ids = {2};
  const ResolvedStopping resolved = ResolveStopping(options, model, 10);
  EXPECT_THAT(resolved.eos_token_ids, IsEmpty());
  EXPECT_THAT(resolved.stop_token_ids, ElementsAre(2));
}

TEST(ResolveStoppingTest, AFullContextIsTheCallersToRefuse) {
  EXPECT_DEATH(ResolveStopping({}, {}, 0), "a full context generates nothing");
}

TEST(GenerationDefaultRowsTest, SayWhatTheFunctionsDo) {
  std::map<std::string, std::string> rows;
  for (const DefaultRow& row : GenerationDefaultRows()) {
    EXPECT_TRUE(rows.emplace(row.field, row.otherwise).second) << row.field << " twice";
  }
  const ResolvedSampling sampling = ResolveSampling({}, {}, 0);
  const ResolvedStopping stopping = ResolveStopping({}, {}, 1 << 20);
  const GenerationRequest request;
  const std::map<std::string, std::string> expected = {
      {"sampling.temperature", absl::StrCat(sampling.temperature)},
      {"sampling.top_k", absl::StrCat(sampling.top_k)},
      {"sampling.top_p", absl::StrCat(sampling.top_p)},
      {"sampling.min_p", absl::StrCat(sampling.min_p)},
      {"sampling.repetition_penalty", absl::StrCat(sampling.repetition_penalty)},
      {"sampling.presence_penalty", absl::StrCat(sampling.presence_penalty)},
      {"sampling.frequency_penalty", absl::StrCat(sampling.frequency_penalty)},
      {"sampling.seed", "random"},
      {"stopping.max_tokens", absl::StrCat(stopping.max_tokens)},
      {"stopping.min_tokens", absl::StrCat(stopping.min_tokens)},
      {"output.skip_special_tokens", request.output.skip_special_tokens ? "true" : "false"},
      {"n", absl::StrCat(request.n)},
      {"priority", absl::StrCat(request.priority)},
  };
  EXPECT_EQ(rows, expected);
}

TEST(ModelDefaultsTest, WhatNoRequestCouldSayIsRefused) {
  EXPECT_TRUE(ModelDefaults().Validate().ok());
  ModelDefaults model;
  model.temperature = std::nanf("");
  EXPECT_TRUE(HasReason(model.Validate(), Reason::kInvalidField));
  model = {};
  model.top_p = 1.5F;
  EXPECT_TRUE(HasReason(model.Validate(), Reason::kInvalidField));
  model = {};
  model.max_new_tokens = 0;
  EXPECT_TRUE(HasReason(model.Validate(), Reason::kInvalidField));
  model = {};
  model.eos_token_ids = {2, -1};
  EXPECT_TRUE(HasReason(model.Validate(), Reason::kInvalidField));
}

}  // namespace
}  // namespace pintle

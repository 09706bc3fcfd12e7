// SPDX-License-Identifier: Apache-2.0
#include "worker/model/generation_config.h"

#include <gtest/gtest.h>

#include "contract/errors.h"

namespace pintle::model {
namespace {

TEST(GenerationConfigTest, WithoutAFileTemperatureIsOneAndEosIsTheModels) {
  const auto defaults = ParseGenerationConfig("", {2});
  ASSERT_TRUE(defaults.ok());
  EXPECT_EQ(ResolveSampling({}, *defaults, 0).temperature, 1.0F);
  EXPECT_FALSE(defaults->top_k.has_value());
  EXPECT_FALSE(defaults->max_new_tokens.has_value());
  EXPECT_EQ(defaults->eos_token_ids, std::vector<TokenId>({2}));
}

TEST(GenerationConfigTest, SamplingModelsBringTheirValues) {
  const auto defaults = ParseGenerationConfig(
      R"({"do_sample": true, "temperature": 0.6, "top_k": 20, "top_p": 0.95, "min_p": 0.05,
          "repetition_penalty": 1.1, "max_new_tokens": 77, "eos_token_id": [5, 6]})",
      {2});
  ASSERT_TRUE(defaults.ok()) << defaults.status();
  EXPECT_FLOAT_EQ(*defaults->temperature, 0.6F);
  EXPECT_EQ(defaults->top_k, 20);
  EXPECT_FLOAT_EQ(*defaults->top_p, 0.95F);
  EXPECT_FLOAT_EQ(*defaults->min_p, 0.05F);
  EXPECT_FLOAT_EQ(*defaults->repetition_penalty, 1.1F);
  EXPECT_EQ(defaults->max_new_tokens, 77);
  EXPECT_EQ(defaults->eos_token_ids, std::vector<TokenId>({5, 6}));
}

TEST(GenerationConfigTest, GreedyModelsHaveTemperatureZeroAndSilentOnesOne) {
  const auto temperature = [](const char* text) {
    return ResolveSampling({}, *ParseGenerationConfig(text, {}), 0).temperature;
  };
  EXPECT_EQ(temperature(R"({"do_sample": false, "temperature": 0.7})"), 0.0F);
  EXPECT_EQ(temperature(R"({"temperature": 0.7})"), 1.0F);
}

TEST(GenerationConfigTest, ValuesOutOfRangeAreRefusedByName) {
  for (const char* text :
       {R"({"do_sample": true, "temperature": -1})", R"({"do_sample": true, "top_p": 1.5})",
        R"({"repetition_penalty": 0})", R"({"max_new_tokens": "many"})", "[]", "{"}) {
    EXPECT_TRUE(HasReason(ParseGenerationConfig(text, {}).status(), Reason::kInvalidField)) << text;
  }
}

}  // namespace
}  // namespace pintle::model

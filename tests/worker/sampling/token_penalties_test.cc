// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/token_penalties.h"

#include <limits>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::ElementsAre;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class TokenPenaltiesTest : public testing::Test {
 protected:
  bool Apply() {
    request_.sampling = &sampling_;
    request_.context = context_;
    request_.output = output_;
    request_.masked = masked_;
    return penalties_.Apply(absl::MakeSpan(row_), request_);
  }

  TokenPenalties penalties_;
  std::vector<float> row_ = {2.0F, -2.0F, 0.0F, 1.0F};
  ResolvedSampling sampling_;
  SampleRequest request_;
  std::vector<TokenId> context_, output_, masked_;
};

TEST_F(TokenPenaltiesTest, DefaultsChangeNothing) {
  context_ = {0, 1, 2, 3};
  output_ = {0, 1};
  EXPECT_FALSE(Apply());
  EXPECT_THAT(row_, ElementsAre(2.0F, -2.0F, 0.0F, 1.0F));
}

TEST_F(TokenPenaltiesTest, RepetitionDividesPositiveAndMultipliesNegativeOnce) {
  sampling_.repetition_penalty = 2.0F;
  context_ = {0, 0, 1, 2, 0};
  EXPECT_TRUE(Apply());
  EXPECT_THAT(row_, ElementsAre(1.0F, -4.0F, 0.0F, 1.0F));
}

TEST_F(TokenPenaltiesTest, PresenceCountsOnceFrequencyEachTime) {
  sampling_.presence_penalty = 0.5F;
  sampling_.frequency_penalty = 0.25F;
  output_ = {3, 0, 3};
  EXPECT_TRUE(Apply());
  EXPECT_THAT(row_, ElementsAre(1.25F, -2.0F, 0.0F, 0.0F));
}

TEST_F(TokenPenaltiesTest, OutputPenaltiesIgnoreThePrompt) {
  sampling_.presence_penalty = 0.5F;
  context_ = {0, 1, 2};
  output_ = {2};
  EXPECT_TRUE(Apply());
  EXPECT_THAT(row_, ElementsAre(2.0F, -2.0F, -0.5F, 1.0F));
}

TEST_F(TokenPenaltiesTest, BiasOfOneTokenAddsUp) {
  sampling_.logit_bias = {{1, 3.0F}, {1, 0.5F}};
  EXPECT_TRUE(Apply());
  EXPECT_THAT(row_, ElementsAre(2.0F, 1.5F, 0.0F, 1.0F));
}

TEST_F(TokenPenaltiesTest, RepetitionSeesTheBiasedLogit) {
  // -2 + 3 = 1 is divided; dividing first would give -4 + 3.
  sampling_.logit_bias = {{1, 3.0F}};
  sampling_.repetition_penalty = 2.0F;
  context_ = {1};
  EXPECT_TRUE(Apply());
  EXPECT_FLOAT_EQ(row_[1], 0.5F);
}

TEST_F(TokenPenaltiesTest, NoBiasBringsAMaskedTokenBack) {
  sampling_.logit_bias = {{0, 100.0F}};
  masked_ = {0};
  EXPECT_TRUE(Apply());
  EXPECT_EQ(row_[0], -kInfinity);
}

TEST_F(TokenPenaltiesTest, IdsOutsideTheRowAreIgnored) {
  sampling_.presence_penalty = 1.0F;
  sampling_.repetition_penalty = 2.0F;
  sampling_.logit_bias = {{4, 1.0F}, {-1, 1.0F}};
  context_ = {4, -1, 1 << 30};
  output_ = {4, -1};
  masked_ = {4, -1};
  EXPECT_FALSE(Apply());
  EXPECT_THAT(row_, ElementsAre(2.0F, -2.0F, 0.0F, 1.0F));
}

TEST_F(TokenPenaltiesTest, RawLogitIsTheOneBeforeEveryChange) {
  sampling_.presence_penalty = 0.5F;
  sampling_.repetition_penalty = 2.0F;
  context_ = {0};
  output_ = {0};
  masked_ = {0, 1};
  EXPECT_TRUE(Apply());
  EXPECT_EQ(penalties_.RawLogit(row_, 0), 2.0F);
  EXPECT_EQ(penalties_.RawLogit(row_, 1), -2.0F);
  EXPECT_EQ(penalties_.RawLogit(row_, 3), 1.0F);
}

TEST_F(TokenPenaltiesTest, OneRowLeavesNoTraceInTheNext) {
  sampling_.repetition_penalty = 2.0F;
  context_ = {0};
  EXPECT_TRUE(Apply());
  row_ = {2.0F, 2.0F, 2.0F, 2.0F};
  context_ = {1};
  EXPECT_TRUE(Apply());
  EXPECT_THAT(row_, ElementsAre(2.0F, 1.0F, 2.0F, 2.0F));
  EXPECT_EQ(penalties_.RawLogit(row_, 0), 2.0F);
}

}  // namespace
}  // namespace pintle

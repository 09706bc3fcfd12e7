// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_decoder.h"

#include <numeric>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

// Drives one sequence over a table of its own choice, so that tests can damage what lies under it.
class FakeDecoderTest : public ::testing::TestWithParam<std::int32_t> {
 protected:
  FakeDecoderTest() : decoder_(Options(GetParam())) {
    EXPECT_TRUE(decoder_.AllocateKv(8).ok());
    table_ = {5, 1, 6, 0};
    for (std::int32_t i = 0; i < 2 * GetParam() + 3; ++i) prompt_.push_back(7 * i % 900 + 10);
  }

  static FakeDecoderOptions Options(std::int32_t block_tokens) {
    FakeDecoderOptions options;
    options.block_tokens = block_tokens;
    return options;
  }

  // Computes `tokens` at `start`; returns the greedy token after the last of them.
  TokenId Run(Position start, std::vector<TokenId> tokens) {
    StepBatch batch;
    batch.tokens = std::move(tokens);
    batch.slices.push_back({1, 0, static_cast<std::int32_t>(batch.tokens.size()), start, table_});
    SampleRequest request;
    request.row = static_cast<std::int32_t>(batch.tokens.size()) - 1;
    request.sampling = &greedy_;
    batch.samples.push_back(request);
    EXPECT_TRUE(decoder_.Launch(batch).ok());
    const auto result = decoder_.Collect();
    EXPECT_TRUE(result.ok());
    return (*result)->rows[0].token;
  }

  TokenId Prefill() { return Run(0, prompt_); }
  // The token after the prompt and 42, computed from the blocks as they are now.
  TokenId Next() { return Run(static_cast<Position>(prompt_.size()), {42}); }
  TokenId ExpectedNext() const {
    std::vector<TokenId> context = prompt_;
    context.push_back(42);
    return decoder_.ReferenceNext(context);
  }

  std::vector<std::byte> Read(BlockIndex block) {
    std::vector<std::byte> bytes(decoder_.Layout().block_bytes);
    EXPECT_TRUE(decoder_.ReadBlock(block, absl::MakeSpan(bytes)).ok());
    return bytes;
  }

  FakeDecoder decoder_;
  ResolvedSampling greedy_;
  std::vector<BlockIndex> table_;
  std::vector<TokenId> prompt_;
};

TEST_P(FakeDecoderTest, EqualsTheReferenceWithoutACache) {
  EXPECT_EQ(Prefill(), decoder_.ReferenceNext(prompt_));
  EXPECT_EQ(Next(), ExpectedNext());
}

TEST_P(FakeDecoderTest, ASwappedBlockChangesTheOutput) {
  Prefill();
  std::swap(table_[0], table_[1]);
  EXPECT_NE(Next(), ExpectedNext());
}

TEST_P(FakeDecoderTest, AStaleBlockChangesTheOutput) {
  Prefill();
  const std::vector<std::byte> stale = Read(table_[0]);
  prompt_[0] += 1;
  Prefill();
  EXPECT_EQ(Next(), ExpectedNext());
  ASSERT_TRUE(decoder_.WriteBlock(table_[0], stale).ok());
  EXPECT_NE(Next(), ExpectedNext());
}

TEST_P(FakeDecoderTest, AZeroedBlockChangesTheOutput) {
  Prefill();
  const std::vector<std::byte> zero(decoder_.Layout().block_bytes);
  ASSERT_TRUE(decoder_.WriteBlock(table_[1], zero).ok());
  EXPECT_NE(Next(), ExpectedNext());
}

TEST_P(FakeDecoderTest, ABlockThatWasNeverWrittenChangesTheOutput) {
  Prefill();
  table_[1] = 7;
  EXPECT_NE(Next(), ExpectedNext());
}

TEST_P(FakeDecoderTest, AMovedBlockDoesNot) {
  Prefill();
  ASSERT_TRUE(decoder_.WriteBlock(7, Read(table_[1])).ok());
  table_[1] = 7;
  EXPECT_EQ(Next(), ExpectedNext());
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, FakeDecoderTest, ::testing::Values(16, 32, 256));

TEST(FakeDecoderOracleTest, EosComesAtTheRateAskedForAndEndsTheReference) {
  FakeDecoderOptions options;
  options.eos_per_mille = 100;
  const FakeDecoder decoder(options);
  std::size_t made = 0;
  for (TokenId first = 0; first < 200; ++first) {
    const std::vector<TokenId> out = decoder.ReferenceTokens(std::vector<TokenId>{first}, 1000);
    EXPECT_EQ(out.back(), options.eos_token);
    made += out.size();
  }
  EXPECT_NEAR(static_cast<double>(made) / 200, 10.0, 3.0);
}

TEST(FakeDecoderOracleTest, LogprobsAndMasksAgreeWithThePlainGreedyToken) {
  FakeDecoder decoder{FakeDecoderOptions()};
  ASSERT_TRUE(decoder.AllocateKv(1).ok());
  const std::vector<BlockIndex> table = {0};
  const ResolvedSampling greedy;
  for (TokenId first = 0; first < 50; ++first) {
    const std::vector<TokenId> masked = {decoder.ReferenceNext(std::vector<TokenId>{first})};
    StepBatch batch;
    batch.tokens = {first};
    batch.slices.push_back({1, 0, 1, 0, table});
    SampleRequest plain;
    plain.sampling = &greedy;
    plain.masked = masked;
    SampleRequest scored = plain;
    scored.logprobs = true;
    batch.samples = {plain, scored};
    ASSERT_TRUE(decoder.Launch(batch).ok());
    const auto result = decoder.Collect();
    ASSERT_TRUE(result.ok());
    EXPECT_EQ((*result)->rows[0].token, (*result)->rows[1].token);
    EXPECT_NE((*result)->rows[0].token, masked[0]);
    EXPECT_LT((*result)->rows[1].logprob, 0.0F);
  }
}

}  // namespace
}  // namespace pintle

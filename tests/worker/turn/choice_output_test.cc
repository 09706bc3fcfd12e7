// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/choice_output.h"

#include "gtest/gtest.h"
#include "tests/fakes/fake_text_model.h"

namespace pintle {
namespace {

// FakeTextModel: a byte is the token of its value.
EngineToken Token(char letter, std::int32_t index) {
  EngineToken token;
  token.token = static_cast<unsigned char>(letter);
  token.index = index;
  token.logprob = TokenLogprob{token.token, -0.5F - static_cast<float>(index), {}};
  return token;
}

class ChoiceOutputTest : public testing::Test {
 protected:
  ChoiceOutput Make() { return ChoiceOutput(0, model_, request_, stopping_); }
  // Feeds a text; what was delivered at once, chunk after chunk.
  std::vector<TurnChunk> Feed(ChoiceOutput& output, const std::string& text) {
    std::vector<TurnChunk> chunks;
    for (const char letter : text) {
      if (output.finished()) break;
      absl::StatusOr<std::optional<TurnChunk>> chunk = output.Push(Token(letter, index_++));
      EXPECT_TRUE(chunk.ok());
      if (chunk.ok() && chunk->has_value()) chunks.push_back(**chunk);
    }
    return chunks;
  }

  text::FakeTextModel model_;
  GenerationRequest request_;
  ResolvedStopping stopping_;
  std::int32_t index_ = 0;
};

TEST_F(ChoiceOutputTest, IndicesOfChunksAreGapFreeAndLogprobsStayWithTheirTokens) {
  ChoiceOutput output = Make();
  std::int32_t next = 0;
  for (const TurnChunk& chunk : Feed(output, "hello")) {
    EXPECT_EQ(chunk.first_index, next);
    ASSERT_EQ(chunk.logprobs.size(), chunk.tokens.size());
    for (std::size_t i = 0; i < chunk.tokens.size(); ++i) {
      EXPECT_EQ(chunk.logprobs[i].token, chunk.tokens[i]);
    }
    next += static_cast<std::int32_t>(chunk.tokens.size());
  }
  EXPECT_EQ(next, 5);
  EXPECT_EQ(output.text(), "hello");
}

TEST_F(ChoiceOutputTest, AStopStringEndsItAndNothingOfItIsDelivered) {
  request_.stopping.stop = {"END"};
  ChoiceOutput output = Make();
  std::string delivered;
  for (const TurnChunk& chunk : Feed(output, "to the ENormous END and on")) delivered += chunk.text;
  EXPECT_EQ(delivered, "to the ENormous ");
  EXPECT_TRUE(output.stopped());
  EXPECT_EQ(output.reason(), FinishReason::kStop);
  EXPECT_EQ(output.matched_stop(), "END");
  EXPECT_EQ(output.delivered().size(), delivered.size());
}

TEST_F(ChoiceOutputTest, WhatWasHeldBackComesAtTheEnd) {
  request_.stopping.stop = {"END"};
  ChoiceOutput output = Make();
  Feed(output, "an EN");
  const std::optional<TurnChunk> rest = output.Finish(FinishReason::kLength);
  ASSERT_TRUE(rest.has_value());
  EXPECT_EQ(rest->text, "EN");
  EXPECT_EQ(output.text(), "an EN");
  EXPECT_EQ(output.reason(), FinishReason::kLength);
}

TEST_F(ChoiceOutputTest, StopStringsBeforeMinTokensArePlainText) {
  request_.stopping.stop = {"x"};
  stopping_.min_tokens = 3;
  ChoiceOutput output = Make();
  Feed(output, "xxxx");
  EXPECT_EQ(output.text(), "xx");
  EXPECT_TRUE(output.stopped());
}

TEST_F(ChoiceOutputTest, EosIsAmongTheIdsAndNotInTheText) {
  stopping_.eos_token_ids = {text::FakeTextModel::kImEnd};
  ChoiceOutput output = Make();
  Feed(output, "ok");
  EngineToken eos;
  eos.token = text::FakeTextModel::kImEnd;
  eos.index = 2;
  ASSERT_TRUE(output.Push(eos).ok());
  output.Finish(FinishReason::kEos);
  EXPECT_EQ(output.text(), "ok");
  EXPECT_EQ(output.delivered().back(), text::FakeTextModel::kImEnd);
}

}  // namespace
}  // namespace pintle

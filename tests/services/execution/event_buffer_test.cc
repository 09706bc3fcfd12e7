// SPDX-License-Identifier: Apache-2.0
#include "services/execution/event_buffer.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gtest/gtest.h"

namespace pintle {
namespace {

TurnChunk Chunk(std::int32_t choice, std::int32_t first_index, std::vector<TokenId> tokens,
                std::string text) {
  TurnChunk chunk;
  chunk.choice = choice;
  chunk.first_index = first_index;
  chunk.tokens = std::move(tokens);
  chunk.text = std::move(text);
  for (const TokenId token : chunk.tokens) chunk.logprobs.push_back({token, -1.0F, {}});
  return chunk;
}

TEST(EventBufferTest, TokensThatWaitBecomeOneEvent) {
  EventBuffer buffer;
  buffer.Push(Chunk(0, 0, {7}, "a"));
  buffer.Push(Chunk(0, 1, {8, 9}, "bc"));
  EXPECT_EQ(buffer.messages(), 2U);
  const std::optional<TurnEvent> event = buffer.Pop();
  ASSERT_TRUE(event.has_value());
  const auto& chunk = std::get<TurnChunk>(*event);
  EXPECT_EQ(chunk.first_index, 0);
  EXPECT_EQ(chunk.tokens, (std::vector<TokenId>{7, 8, 9}));
  EXPECT_EQ(chunk.text, "abc");
  ASSERT_EQ(chunk.logprobs.size(), 3U);
  EXPECT_EQ(chunk.logprobs[2].token, 9);
  EXPECT_EQ(buffer.messages(), 0U);
  EXPECT_FALSE(buffer.Pop().has_value());
}

TEST(EventBufferTest, AReaderThatKeepsUpGetsEachMessage) {
  EventBuffer buffer;
  for (int i = 0; i < 3; ++i) {
    buffer.Push(Chunk(0, i, {i}, "x"));
    const std::optional<TurnEvent> event = buffer.Pop();
    ASSERT_TRUE(event.has_value());
    EXPECT_EQ(std::get<TurnChunk>(*event).tokens.size(), 1U);
  }
}

TEST(EventBufferTest, ChoicesAndOtherEventsKeepTheirOrder) {
  EventBuffer buffer;
  buffer.Push(Chunk(0, 0, {1}, "a"));
  buffer.Push(Chunk(1, 0, {2}, "b"));
  buffer.Push(TurnChoiceFinished{1, FinishReason::kLength, ""});
  buffer.Push(Chunk(0, 1, {3}, "c"));
  EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens, std::vector<TokenId>{1});
  EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens, std::vector<TokenId>{2});
  EXPECT_TRUE(std::holds_alternative<TurnChoiceFinished>(*buffer.Pop()));
  EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens, std::vector<TokenId>{3});
}

TEST(EventBufferTest, NeverEmptyItKeepsOrderAndCount) {
  EventBuffer buffer;
  // Gaps keep the events apart.
  for (int i = 0; i < 3; ++i) buffer.Push(Chunk(0, 2 * i, {i}, "x"));
  for (int i = 3; i < 100; ++i) {
    buffer.Push(Chunk(0, 2 * i, {i}, "x"));
    EXPECT_EQ(buffer.messages(), 4U);
    EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens, std::vector<TokenId>{i - 3});
  }
  for (int i = 97; i < 100; ++i) {
    EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens, std::vector<TokenId>{i});
  }
  EXPECT_FALSE(buffer.Pop().has_value());
  EXPECT_EQ(buffer.messages(), 0U);
}

TEST(EventBufferTest, AGapIsNotPaperedOver) {
  EventBuffer buffer;
  buffer.Push(Chunk(0, 0, {1}, "a"));
  buffer.Push(Chunk(0, 2, {3}, "c"));
  EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).tokens.size(), 1U);
  EXPECT_EQ(std::get<TurnChunk>(*buffer.Pop()).first_index, 2);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/turn_cost.h"

#include "contract/limits.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(TurnCostTest, TokensAreCountedAndTextIsMeasuredInBytes) {
  EXPECT_EQ(InputTokensOf(TokensInput{1, 2, 3}), 3);
  EXPECT_EQ(InputBytesOf(TokensInput{1, 2, 3}), 0);
  EXPECT_EQ(InputBytesOf(PromptInput{"12345", true}), 5);
  EXPECT_EQ(InputTokensOf(PromptInput{"12345", true}), 0);
}

TEST(TurnCostTest, ChatCountsMessagesFramesAndTools) {
  ChatInput chat;
  chat.tools_json = "[]";
  chat.messages.resize(2);
  chat.messages[0].text = "abc";
  chat.messages[1].tool_calls.push_back({"id", "fn", "{}"});
  EXPECT_EQ(InputBytesOf(chat), 2 + 32 + 3 + 32 + 2 + 2);
}

TEST(TurnCostTest, OutputCountsAllChoices) {
  GenerationRequest request;
  EXPECT_EQ(OutputTokensOf(request), limits::kMaxTokensDefault);
  request.n = 3;
  request.stopping.max_tokens = 7;
  EXPECT_EQ(OutputTokensOf(request), 21);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_messages.h"

#include "cli/exit_codes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ChatMessagesTest, AListOfMessagesIsRead) {
  const auto chat = ParseMessages(
      "--messages", R"([{"role":"system","content":"s"},{"role":"user","content":"u"}])");
  ASSERT_TRUE(chat.ok()) << chat.status();
  ASSERT_EQ(chat->messages_size(), 2);
  EXPECT_EQ(chat->messages(0).role(), "system");
  EXPECT_EQ(chat->messages(1).parts(0).text(), "u");
}

TEST(ChatMessagesTest, PartsToolsAndCallsAreRead) {
  const auto chat = ParseMessages("--messages", R"({
    "messages": [
      {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
      {"role": "assistant", "content": null,
       "tool_calls": [{"id": "1", "function": {"name": "f", "arguments": {"x": 1}}},
                      {"id": "2", "function": {"name": "g", "arguments": "{}"}}]},
      {"role": "tool", "tool_call_id": "1", "content": "9"}],
    "tools": [{"type": "function"}], "template_arguments": {"k": true}})");
  ASSERT_TRUE(chat.ok()) << chat.status();
  EXPECT_EQ(chat->messages(0).parts(1).text(), "b");
  EXPECT_EQ(chat->messages(1).parts_size(), 0);
  EXPECT_EQ(chat->messages(1).tool_calls(0).arguments_json(), R"({"x":1})");
  EXPECT_EQ(chat->messages(1).tool_calls(1).arguments_json(), "{}");
  EXPECT_EQ(chat->messages(2).tool_call_id(), "1");
  EXPECT_EQ(chat->tools(), R"([{"type":"function"}])");
  EXPECT_EQ(chat->template_arguments(), R"({"k":true})");
}

TEST(ChatMessagesTest, WhatIsNoConversationIsAUsageErrorWithItsPlaceAndNotItsContent) {
  const std::pair<const char*, const char*> cases[] = {
      {"{secret", "no JSON"},
      {"{}", "messages"},
      {"[]", "messages"},
      {"7", "messages"},
      {R"(["secret"])", "messages[0]"},
      {R"([{"content":"secret"}])", "messages[0].role"},
      {R"([{"role":7,"content":"secret"}])", "messages[0].role"},
      {R"([{"role":"user","content":7}])", "messages[0].content"},
      {R"([{"role":"user","content":[{"type":"image","image":"secret"}]}])", "messages[0].content"},
      {R"([{"role":"user","tool_calls":"secret"}])", "messages[0].tool_calls"},
      {R"([{"role":"user","tool_calls":[{"id":"secret"}]}])", "messages[0].tool_calls"}};
  for (const auto& [json, place] : cases) {
    const absl::Status status = ParseMessages("--messages", json).status();
    EXPECT_EQ(ExitCodeOf(status), ExitCode::kUsage) << json;
    EXPECT_THAT(std::string(status.message()), HasSubstr(place)) << json;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("secret"))) << json;
  }
}

}  // namespace
}  // namespace pintle

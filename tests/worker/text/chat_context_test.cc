// SPDX-License-Identifier: Apache-2.0
#include "worker/text/chat_context.h"

#include <string>
#include <vector>

#include "contract/errors.h"
#include "contract/limits.h"
#include "gtest/gtest.h"
#include "tests/worker/text/text_cases.h"

namespace pintle::text {
namespace {

constexpr char kForbidden[] = "MARK";
const std::vector<std::pair<std::string, std::string>> kNamed = {{"bos_token", "<s>"}};

absl::StatusOr<std::string> Context(const std::vector<Message>& messages,
                                    const RenderOptions& options = {}) {
  return ChatContextJson(messages, options, kNamed, kForbidden);
}

TEST(ChatContext, WritesTheShapesOfTransformers) {
  Message call = MessageOf("assistant", "");
  call.tool_calls.resize(1);
  call.tool_calls[0].name = std::string("f");
  call.tool_calls[0].arguments_json = "{\"b\": 1, \"a\": 2}";
  const auto json = Context({MessageOf("user", "hi"), call},
                            {.tools_json = "[{\"z\": 1, \"a\": 2}]",
                             .template_arguments_json = "{\"enable_thinking\": false}"});
  ASSERT_TRUE(json.ok()) << json.status();
  EXPECT_EQ(*json,
            "{\"bos_token\":\"<s>\",\"tools\":[{\"z\":1,\"a\":2}],\"documents\":null,"
            "\"enable_thinking\":false,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"},"
            "{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"type\":\"function\","
            "\"function\":{\"name\":\"f\",\"arguments\":{\"b\":1,\"a\":2}}}]}],"
            "\"add_generation_prompt\":true}");
}

TEST(ChatContext, NoToolsAreNone) {
  EXPECT_NE(Context({}, {.tools_json = "[]"})->find("\"tools\":null"), std::string::npos);
}

TEST(ChatContext, RefusesMarkersWhereverAClientCanWrite) {
  Message name = MessageOf("user", "x");
  name.name = std::string("a MARK");
  Message call = MessageOf("assistant", "x");
  call.tool_calls.resize(1);
  call.tool_calls[0].arguments_json = "{\"a\":\"M\\u0041RK\"}";
  for (const Message& message : {MessageOf("MARK", "x"), MessageOf("user", "MARK"), name, call}) {
    EXPECT_TRUE(HasReason(Context({message}).status(), Reason::kInvalidField));
  }
  for (const char* tools : {"[\"MARK\"]", "[{\"M\\u0041RK\":1}]"}) {
    EXPECT_TRUE(HasReason(Context({}, {.tools_json = tools}).status(), Reason::kInvalidField));
  }
}

TEST(ChatContext, ArgumentsCannotReplaceWhatTheTemplateOwns) {
  for (const char* arguments : {"{\"messages\":[]}", "{\"bos_token\":\"x\"}", "{\"tools\":1}",
                                "{\"__pintle_now\":1}", "{\"raise_exception\":1}"}) {
    EXPECT_TRUE(HasReason(Context({}, {.template_arguments_json = arguments}).status(),
                          Reason::kInvalidField))
        << arguments;
  }
}

TEST(ChatContext, RefusesJsonThatIsBrokenDeepOrOfTheWrongKind) {
  const std::string deep(1000, '[');
  for (const std::string& tools : std::vector<std::string>{"[", "{}", "1", deep, "[\"\\ud800\"]"}) {
    EXPECT_TRUE(HasReason(Context({}, {.tools_json = tools}).status(), Reason::kInvalidField))
        << tools.substr(0, 10);
  }
  EXPECT_TRUE(
      HasReason(Context({}, {.template_arguments_json = "[]"}).status(), Reason::kInvalidField));
}

TEST(ChatContext, EverythingHasItsLimit) {
  const Message large = MessageOf("user", std::string(limits::kPromptBytes, 'x'));
  EXPECT_TRUE(HasReason(Context({large}).status(), Reason::kPromptTooLong));
  const std::string tools(limits::kToolsBytes + 1, ' ');
  EXPECT_TRUE(HasReason(Context({}, {.tools_json = tools}).status(), Reason::kPromptTooLong));
  const std::vector<Message> many(limits::kMessages + 1);
  EXPECT_TRUE(HasReason(Context(many).status(), Reason::kInvalidField));
}

TEST(ChatContext, RefusesBrokenUtf8) {
  EXPECT_TRUE(HasReason(Context({MessageOf("user", "\xFF")}).status(), Reason::kInvalidField));
}

}  // namespace
}  // namespace pintle::text

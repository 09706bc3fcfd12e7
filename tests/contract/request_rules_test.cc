// SPDX-License-Identifier: Apache-2.0
#include "contract/request_rules.h"

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using Edit = std::function<void(GenerationRequest&)>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int32_t kIntMax = std::numeric_limits<std::int32_t>::max();
constexpr char kBroken[] = "\xC3(";

GenerationRequest Edited(const Edit& edit) {
  GenerationRequest request;
  request.input = PromptInput{"hello", true};
  edit(request);
  return request;
}

void ExpectValid(const Edit& edit) {
  const absl::Status status = ValidateRequest(Edited(edit));
  EXPECT_TRUE(status.ok()) << status;
}

void ExpectRefused(const std::string& field, const Edit& edit,
                   Reason reason = Reason::kInvalidField) {
  const absl::Status status = ValidateRequest(Edited(edit));
  ASSERT_TRUE(HasReason(status, reason)) << field << ": " << status;
  const std::vector<FieldViolation> fields = DetailOf(status)->fields;
  ASSERT_EQ(fields.size(), 1u);
  EXPECT_EQ(fields[0].field, field);
  EXPECT_TRUE(absl::StartsWith(status.message(), field + " ")) << status;
}

// One float option: its path, where it lives, and its range.
struct FloatField {
  std::string path;
  std::optional<float> SamplingOptions::*member;
  float low;
  bool low_allowed;
  float high;
};

class FloatFieldTest : public testing::TestWithParam<FloatField> {
 protected:
  Edit Set(float value) const {
    return [value](GenerationRequest& r) { r.sampling.*(GetParam().member) = value; };
  }
  static float Next(float value, float towards) { return std::nextafterf(value, towards); }
};

TEST_P(FloatFieldTest, TakesItsWholeRange) {
  const auto& [path, member, low, low_allowed, high] = GetParam();
  ExpectValid(Set(low_allowed ? low : Next(low, high)));
  ExpectValid(Set(high));
  ExpectValid(Set((low + high) / 2));
}

TEST_P(FloatFieldTest, RefusesWhatIsBeyond) {
  const auto& [path, member, low, low_allowed, high] = GetParam();
  ExpectRefused(path, Set(low_allowed ? Next(low, -kInfinity) : low));
  ExpectRefused(path, Set(Next(high, kInfinity)));
  ExpectRefused(path, Set(low - 1.0F));
}

TEST_P(FloatFieldTest, RefusesWhatIsNoNumber) {
  for (const float value : {kNan, -kNan, kInfinity, -kInfinity}) {
    ExpectRefused(GetParam().path, Set(value));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sampling, FloatFieldTest,
    testing::Values(FloatField{"sampling.temperature", &SamplingOptions::temperature, 0.0F, true,
                               100.0F},
                    FloatField{"sampling.top_p", &SamplingOptions::top_p, 0.0F, false, 1.0F},
                    FloatField{"sampling.min_p", &SamplingOptions::min_p, 0.0F, true, 1.0F},
                    FloatField{"sampling.repetition_penalty", &SamplingOptions::repetition_penalty,
                               0.0F, false, 100.0F},
                    FloatField{"sampling.presence_penalty", &SamplingOptions::presence_penalty,
                               -2.0F, true, 2.0F},
                    FloatField{"sampling.frequency_penalty", &SamplingOptions::frequency_penalty,
                               -2.0F, true, 2.0F}),
    [](const auto& instance) { return instance.param.path.substr(sizeof("sampling.") - 1); });

// One integer field: its path, how to set it, and its range (nothing is above INT32_MAX).
struct IntegerField {
  std::string name;
  std::string path;
  std::function<void(GenerationRequest&, std::int32_t)> set;
  std::int32_t low;
  std::int32_t high;
};

class IntegerFieldTest : public testing::TestWithParam<IntegerField> {
 protected:
  Edit Set(std::int32_t value) const {
    return [value](GenerationRequest& r) { GetParam().set(r, value); };
  }
};

TEST_P(IntegerFieldTest, TakesItsWholeRange) {
  ExpectValid(Set(GetParam().low));
  ExpectValid(Set(GetParam().high));
}

TEST_P(IntegerFieldTest, RefusesWhatIsBeyond) {
  ExpectRefused(GetParam().path, Set(GetParam().low - 1));
  ExpectRefused(GetParam().path, Set(std::numeric_limits<std::int32_t>::min()));
  if (GetParam().high < kIntMax) ExpectRefused(GetParam().path, Set(GetParam().high + 1));
}

INSTANTIATE_TEST_SUITE_P(
    All, IntegerFieldTest,
    testing::Values(IntegerField{"TopK", "sampling.top_k",
                                 [](auto& r, auto v) { r.sampling.top_k = v; }, 0, kIntMax},
                    IntegerField{"BiasToken", "sampling.logit_bias[1].token_id",
                                 [](auto& r, auto v) {
                                   r.sampling.logit_bias = {{0, 0.0F}, {v, 0.0F}};
                                 },
                                 0, kIntMax - 1},
                    IntegerField{"MaxTokens", "stopping.max_tokens",
                                 [](auto& r, auto v) { r.stopping.max_tokens = v; }, 1, kIntMax},
                    IntegerField{"MinTokens", "stopping.min_tokens",
                                 [](auto& r, auto v) { r.stopping.min_tokens = v; }, 0, kIntMax},
                    IntegerField{"MinTokensUpToMaxTokens", "stopping.min_tokens",
                                 [](auto& r, auto v) {
                                   r.stopping.max_tokens = 10;
                                   r.stopping.min_tokens = v;
                                 },
                                 0, 10},
                    IntegerField{"StopToken", "stopping.stop_token_ids[2]",
                                 [](auto& r, auto v) {
                                   r.stopping.stop_token_ids = {1, 2, v};
                                 },
                                 0, kIntMax - 1},
                    IntegerField{"TopLogprobs", "output.top_logprobs",
                                 [](auto& r, auto v) {
                                   r.output.logprobs = true;
                                   r.output.top_logprobs = v;
                                 },
                                 0, 20},
                    IntegerField{"N", "n", [](auto& r, auto v) { r.n = v; }, 1, 8},
                    IntegerField{"Priority", "priority", [](auto& r, auto v) { r.priority = v; }, 0,
                                 100},
                    IntegerField{"ExpectedPosition", "expected_position",
                                 [](auto& r, auto v) { r.expected_position = v; }, 0, kIntMax},
                    IntegerField{"ResumeFromIndex", "resume_from_index",
                                 [](auto& r, auto v) { r.resume_from_index = v; }, 0, kIntMax},
                    IntegerField{"Tokens", "tokens.ids[1]",
                                 [](auto& r, auto v) {
                                   r.input = TokensInput{5, v};
                                 },
                                 0, kIntMax - 1}),
    [](const auto& instance) { return instance.param.name; });

TEST(RequestRulesTest, BiasesAreBounded) {
  for (const float bias : {-100.0F, 0.0F, 100.0F}) {
    ExpectValid([bias](auto& r) { r.sampling.logit_bias = {{1, bias}}; });
  }
  for (const float bias : {-100.1F, 100.1F, kNan, kInfinity, -kInfinity}) {
    ExpectRefused("sampling.logit_bias[0].bias", [bias](auto& r) {
      r.sampling.logit_bias = {{1, bias}};
    });
  }
  ExpectValid([](auto& r) { r.sampling.logit_bias.resize(1024); });
  ExpectRefused("sampling.logit_bias", [](auto& r) { r.sampling.logit_bias.resize(1025); });
}

TEST(RequestRulesTest, IdsAreHeldToTheVocabularyWhereItIsKnown) {
  const auto expect = [](const std::string& field, const Edit& edit) {
    EXPECT_TRUE(ValidateRequest(Edited(edit), 100).ok()) << field;
    const absl::Status status = ValidateRequest(Edited(edit), 99);
    ASSERT_TRUE(HasReason(status, Reason::kInvalidField)) << field;
    EXPECT_EQ(DetailOf(status)->fields[0].field, field);
  };
  expect("sampling.logit_bias[0].token_id", [](auto& r) { r.sampling.logit_bias = {{99, 1.0F}}; });
  expect("stopping.stop_token_ids[0]", [](auto& r) { r.stopping.stop_token_ids = {99}; });
  expect("tokens.ids[0]", [](auto& r) { r.input = TokensInput{99}; });
}

TEST(RequestRulesTest, StopStringsAreFewShortAndText) {
  ExpectValid([](auto& r) { r.stopping.stop.assign(16, std::string(64, 'x')); });
  ExpectRefused("stopping.stop", [](auto& r) { r.stopping.stop.assign(17, "x"); });
  ExpectRefused("stopping.stop[1]", [](auto& r) { r.stopping.stop = {"a", std::string(65, 'x')}; });
  ExpectRefused("stopping.stop[0]", [](auto& r) { r.stopping.stop = {""}; });
  ExpectRefused("stopping.stop[0]", [](auto& r) { r.stopping.stop = {kBroken}; });
}

TEST(RequestRulesTest, StopTokensAreFew) {
  ExpectValid([](auto& r) { r.stopping.stop_token_ids.resize(64); });
  ExpectRefused("stopping.stop_token_ids", [](auto& r) { r.stopping.stop_token_ids.resize(65); });
}

TEST(RequestRulesTest, TopLogprobsNeedLogprobs) {
  ExpectRefused("output.top_logprobs", [](auto& r) { r.output.top_logprobs = 1; });
  ExpectValid([](auto& r) {
    r.output.top_logprobs = 1;
    r.output.prompt_logprobs = true;
  });
}

TEST(RequestRulesTest, NamesAreShortAndPlain) {
  const auto names =
      std::vector<std::pair<std::string, std::function<void(GenerationRequest&, std::string)>>>{
          {"session", [](auto& r, auto v) { r.session = SessionId(v); }},
          {"request_id", [](auto& r, auto v) { r.request_id = RequestId(v); }},
          {"chat.messages[0].role",
           [](auto& r, auto v) {
             r.input = ChatInput{{Message{v, "hi", {}, "", ""}}, "", "", {}};
           }},
      };
  for (const auto& [field, set] : names) {
    for (const std::string& good :
         {std::string("a"), std::string("A.z_0-9"), std::string(64, 'x')}) {
      ExpectValid([&](auto& r) { set(r, good); });
    }
    for (const std::string& bad :
         {std::string(65, 'x'), std::string("a b"), std::string("a/b"), std::string("a\nb"),
          std::string("\xC3\xA4"), std::string("a\0b", 3), std::string("<|x|>")}) {
      ExpectRefused(field, [&](auto& r) { set(r, bad); });
    }
  }
  ExpectValid([](auto& r) { r.session = SessionId(); });
  ExpectRefused("chat.messages[0].role", [](auto& r) {
    r.input = ChatInput{{Message{}}, "", "", {}};
  });
  EXPECT_TRUE(HasReason(ValidateName("session_id", ""), Reason::kInvalidField));
}

TEST(RequestRulesTest, ModelNamesAreVisibleAscii) {
  ExpectValid([](auto& r) { r.model = "org/Model-1.5B:tag"; });
  ExpectValid([](auto& r) { r.model = std::string(128, 'm'); });
  ExpectRefused("model", [](auto& r) { r.model = std::string(129, 'm'); });
  ExpectRefused("model", [](auto& r) { r.model = "a b"; });
  ExpectRefused("model", [](auto& r) { r.model = "a\n"; });
  ExpectRefused("model", [](auto& r) { r.model = "\xC3\xA4"; });
}

TEST(RequestRulesTest, PromptsAreBoundedText) {
  ExpectValid([](auto& r) { r.input = PromptInput{"", true}; });
  ExpectValid([](auto& r) { r.input = PromptInput{std::string(1 << 20, 'x'), true}; });
  ExpectRefused(
      "prompt.text",
      [](auto& r) {
        r.input = PromptInput{std::string((1 << 20) + 1, 'x'), true};
      },
      Reason::kPromptTooLong);
  ExpectRefused("prompt.text", [](auto& r) { r.input = PromptInput{kBroken, true}; });
}

TEST(RequestRulesTest, TokenListsAreBounded) {
  ExpectRefused("tokens.ids", [](auto& r) { r.input = TokensInput{}; });
  ExpectValid([](auto& r) { r.input = TokensInput(1 << 20); });
  ExpectRefused(
      "tokens.ids", [](auto& r) { r.input = TokensInput((1 << 20) + 1); }, Reason::kPromptTooLong);
}

ChatInput ChatOf(Message message, std::size_t count = 1) {
  ChatInput chat;
  chat.messages.assign(count, Message{"user", "hi", {}, "", ""});
  chat.messages.back() = std::move(message);
  return chat;
}

TEST(RequestRulesTest, ChatsAreBounded) {
  ExpectRefused("chat.messages", [](auto& r) { r.input = ChatInput{}; });
  const Message user{"user", "hi", {}, "", ""};
  ExpectValid([&](auto& r) { r.input = ChatOf(user, 4096); });
  ExpectRefused("chat.messages", [&](auto& r) { r.input = ChatOf(user, 4097); });
  // The whole conversation is one prompt.
  Message large = user;
  large.text = std::string((1 << 20) - 4, 'x');
  ExpectValid([&](auto& r) { r.input = ChatOf(large, 3); });
  ExpectRefused(
      "chat.messages", [&](auto& r) { r.input = ChatOf(large, 4); }, Reason::kPromptTooLong);
  Message arguments = user;
  arguments.tool_calls = {{"", "f", std::string(1 << 20, 'x')}};
  ExpectRefused(
      "chat.messages", [&](auto& r) { r.input = ChatOf(arguments); }, Reason::kPromptTooLong);
}

TEST(RequestRulesTest, EveryTextOfAMessageIsChecked) {
  const auto refuse = [](const std::string& field, const std::function<void(Message&)>& edit) {
    Message message{"assistant", "hi", {{"id", "name", "{}"}, {"id", "name", "{}"}}, "", ""};
    ExpectValid([&](auto& r) { r.input = ChatOf(message, 4); });
    edit(message);
    ExpectRefused("chat.messages[3]" + field, [&](auto& r) { r.input = ChatOf(message, 4); });
  };
  refuse(".parts", [](Message& m) { m.text = kBroken; });
  refuse(".name", [](Message& m) { m.name = kBroken; });
  refuse(".name", [](Message& m) { m.name = std::string(65, 'x'); });
  refuse(".tool_call_id", [](Message& m) { m.tool_call_id = kBroken; });
  refuse(".tool_call_id", [](Message& m) { m.tool_call_id = std::string(65, 'x'); });
  refuse(".tool_calls", [](Message& m) { m.tool_calls.resize(65); });
  refuse(".tool_calls[1].id", [](Message& m) { m.tool_calls[1].id = std::string(65, 'x'); });
  refuse(".tool_calls[1].id", [](Message& m) { m.tool_calls[1].id = kBroken; });
  refuse(".tool_calls[1].name", [](Message& m) { m.tool_calls[1].name = std::string(65, 'x'); });
  refuse(".tool_calls[1].name", [](Message& m) { m.tool_calls[1].name = kBroken; });
  refuse(".tool_calls[0].arguments_json",
         [](Message& m) { m.tool_calls[0].arguments_json = kBroken; });
}

TEST(RequestRulesTest, ToolsAndTemplateArgumentsAreBoundedText) {
  const Message user{"user", "hi", {}, "", ""};
  const auto with = [&](std::string tools, std::string arguments) {
    ChatInput chat = ChatOf(user);
    chat.tools_json = std::move(tools);
    chat.template_arguments_json = std::move(arguments);
    return [chat](GenerationRequest& r) { r.input = chat; };
  };
  ExpectValid(with(std::string(64 << 10, 'x'), std::string(16 << 10, 'x')));
  ExpectRefused("chat.tools", with(std::string((64 << 10) + 1, 'x'), ""));
  ExpectRefused("chat.tools", with(kBroken, ""));
  ExpectRefused("chat.template_arguments", with("", std::string((16 << 10) + 1, 'x')));
  ExpectRefused("chat.template_arguments", with("", kBroken));
}

TEST(RequestRulesTest, MessagesNameValueAndLimitButNeverText) {
  GenerationRequest request = Edited([](auto& r) { r.n = 9; });
  EXPECT_EQ(ValidateRequest(request).message(), "n is 9, limit 1 to 8");
  request = Edited([](auto& r) { r.sampling.temperature = kNan; });
  EXPECT_EQ(ValidateRequest(request).message(), "sampling.temperature is nan, limit 0 to 100");
  request = Edited([](auto& r) { r.stopping.stop = {"secret\xFF"}; });
  EXPECT_FALSE(absl::StrContains(ValidateRequest(request).message(), "secret"));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
// Inputs chosen to be slow: each must come back, and with ids that spell it.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "gtest/gtest.h"
#include "tests/worker/text/text_cases.h"

namespace pintle::text {
namespace {

std::string Repeated(const std::string& unit) {
  std::string text;
  while (text.size() + unit.size() <= limits::kPromptBytes) text += unit;
  return text;
}

const std::vector<std::string>& SlowUnits() {
  static const std::vector<std::string>* const units = new std::vector<std::string>{
      "a",        " ",  "\n", " a",      "<", "<|im_end|", "\xF0\x9F\x98\x80",
      "\xCC\x81", "12", "'s", "\xC2\xA0"};
  return *units;
}

TEST(TextBounds, TheLargestPromptsComeBackAndSpellThemselves) {
  for (const char* tokenizer : {"byte_level", "metaspace", "smollm2"}) {
    const auto model = std::string(tokenizer) == "smollm2" ? SmolLm2() : SmallModel(tokenizer, "");
    if (model == nullptr) continue;
    for (const std::string& unit : SlowUnits()) {
      const std::string text = Repeated(unit);
      const auto ids = model->Encode(text, {.add_special_tokens = false});
      ASSERT_TRUE(ids.ok()) << tokenizer << " " << unit << ids.status();
      EXPECT_TRUE(model->Decode(*ids, false) == text) << tokenizer << " '" << unit << "'";
    }
  }
}

TEST(TextBounds, TheLargestChatsComeBack) {
  const auto model = SmallModel("byte_level", "qwen3_shape");
  for (const std::string unit : {"a", "<think>", "</think>", "\n"}) {
    const std::vector<Message> messages = {
        MessageOf("user", "q"), MessageOf("assistant", Repeated(unit).substr(0, 1000000))};
    const auto chat = model->RenderChat(messages, {});
    ASSERT_TRUE(chat.ok()) << unit << chat.status();
    EXPECT_TRUE(model->EncodeRendered(*chat, 0).ok());
  }
  const std::vector<Message> many(limits::kMessages, MessageOf("user", "x"));
  const auto chat = model->RenderChat(many, {});
  EXPECT_TRUE(chat.ok()) << chat.status();
}

TEST(TextBounds, ABytePastTheLimitIsRefused) {
  const auto model = SmallModel("byte_level", "");
  const std::string text(limits::kPromptBytes + 1, 'a');
  EXPECT_TRUE(HasReason(model->Encode(text, {}).status(), Reason::kPromptTooLong));
}

}  // namespace
}  // namespace pintle::text

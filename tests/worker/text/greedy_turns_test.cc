// SPDX-License-Identifier: Apache-2.0
// Six greedy turns by APPEND and by REPLACE, on templates in the shapes real families use.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/turn.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/text/text_cases.h"
#include "worker/text/seam/turn_history.h"

namespace pintle::text {
namespace {

constexpr int kTurns = 6;

enum class End { kEos, kLength, kOtherEos };

struct Shape {
  const char* name;
  const char* tokenizer;  // "smollm2" brings its own template
  const char* chat_template;
  const char* closing;
  bool reasons = false;
  const char* tools = "";
};

// One conversation as a client and a server keep it.
struct Conversation {
  std::vector<TranscriptTurn> turns;
  std::vector<Message> messages;  // all of them, answers included

  std::vector<TokenId> ids() const {
    std::vector<TokenId> all;
    for (const TranscriptTurn& turn : turns) {
      all.insert(all.end(), turn.tokens.begin(), turn.tokens.end());
    }
    return all;
  }
};

class GreedyTurnsTest : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    const std::string tokenizer = GetParam().tokenizer;
    model_ = tokenizer == "smollm2" ? SmolLm2() : SmallModel(tokenizer, GetParam().chat_template);
    if (model_ == nullptr) GTEST_SKIP() << "the demo model is not set up";
  }

  TokenId Special(const std::string& name) const {
    return model_->Encode(name, {.add_special_tokens = false})->front();
  }

  // A greedy model: its answer is a function of the ids it sees.
  std::string AnswerTo(const std::vector<TokenId>& prompt) const {
    std::uint32_t digest = 17;
    for (const TokenId id : prompt) digest = digest * 31 + static_cast<std::uint32_t>(id);
    const std::string answer = absl::StrCat("the answer in Paris is ", digest % 1000, ".");
    return GetParam().reasons ? absl::StrCat("<think>\nwhy ", digest % 7, "\n</think>\n\n", answer)
                              : answer;
  }

  // Runs a turn and returns what it prepared.
  TurnPrepared Run(Conversation& conversation, const Message& message, History history, End end) {
    conversation.messages.push_back(message);
    ChatInput chat;
    chat.history = history;
    chat.tools_json = GetParam().tools;
    if (history == History::kAppend) {
      chat.messages = {message};
    } else {
      chat.messages = conversation.messages;
    }
    auto prepared = PrepareTurn(*model_, conversation.turns, chat, kCaseTime);
    EXPECT_TRUE(prepared.ok()) << prepared.status();
    std::vector<TokenId> prompt = conversation.ids();
    prompt.resize(static_cast<std::size_t>(prepared->truncated_to));
    prompt.insert(prompt.end(), prepared->appended.begin(), prepared->appended.end());
    TurnFinished finished;
    finished.answer = MessageOf("assistant", AnswerTo(prompt));
    finished.output = *model_->EncodeContinuation(finished.answer.text);
    if (end == End::kEos) finished.output.push_back(Special(GetParam().closing));
    if (end == End::kOtherEos) finished.output.push_back(Special("<|endoftext|>"));
    finished.closed = end == End::kEos;
    conversation.messages.push_back(finished.answer);
    conversation.turns = CommitToTranscript(conversation.turns, *prepared, finished);
    return *prepared;
  }

  std::vector<TokenId> FreshPrompt(const std::vector<Message>& messages) const {
    const auto chat =
        model_->RenderChat(messages, {.tools_json = GetParam().tools, .now = kCaseTime});
    return *model_->EncodeRendered(*chat, 0);
  }

  std::unique_ptr<HfTextModel> model_;
};

constexpr char kTools[] =
    R"([{"type":"function","function":{"name":"look_up","parameters":{"type":"object"}}}])";

INSTANTIATE_TEST_SUITE_P(
    AllShapes, GreedyTurnsTest,
    testing::Values(Shape{"smollm2", "smollm2", "", "<|im_end|>"},
                    Shape{"llama3", "byte_level", "llama3_shape", "<|eot_id|>"},
                    Shape{"llama3_tools", "byte_level", "llama3_shape", "<|eot_id|>", false,
                          kTools},
                    Shape{"qwen3", "byte_level", "qwen3_shape", "<|im_end|>", true},
                    Shape{"qwen3_plain", "byte_level", "qwen3_shape", "<|im_end|>"},
                    Shape{"tools", "byte_level", "tools_shape", "<|im_end|>", false, kTools},
                    Shape{"assembled", "byte_level", "assembled_shape", "<|end|>"}),
    [](const auto& suite) { return std::string(suite.param.name); });

TEST_P(GreedyTurnsTest, AppendAndReplaceGiveEqualIds) {
  Conversation append;
  Conversation replace;
  for (int turn = 0; turn < kTurns; ++turn) {
    const End end = turn % 3 == 2 ? End::kLength : End::kEos;
    const Message question = MessageOf("user", absl::StrCat(" question ", turn, "?\n"));
    const TurnPrepared a = Run(append, question, History::kAppend, end);
    const TurnPrepared b = Run(replace, question, History::kReplace, end);
    EXPECT_EQ(a.history, b.history) << "turn " << turn;
    EXPECT_EQ(append.ids(), replace.ids()) << "turn " << turn;
    EXPECT_EQ(append.turns, replace.turns) << "turn " << turn;
  }
}

TEST_P(GreedyTurnsTest, ThePromptIsTheWholeConversationRenderedAnew) {
  Conversation conversation;
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::vector<TokenId> before = conversation.ids();
    const TurnPrepared prepared =
        Run(conversation, MessageOf("user", absl::StrCat("q", turn)), History::kAppend, End::kEos);
    std::vector<TokenId> prompt(before.begin(), before.begin() + prepared.truncated_to);
    prompt.insert(prompt.end(), prepared.appended.begin(), prepared.appended.end());
    std::vector<Message> messages = conversation.messages;
    messages.pop_back();
    EXPECT_EQ(prompt, FreshPrompt(messages)) << "turn " << turn;
  }
}

TEST_P(GreedyTurnsTest, OnlyNewAndClosingTokensAreAppended) {
  Conversation conversation;
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::vector<TokenId> before = conversation.ids();
    const End end = turn % 2 == 0 ? End::kLength : End::kEos;
    const bool closed = !conversation.turns.empty() && conversation.turns.back().closed;
    const TurnPrepared prepared =
        Run(conversation, MessageOf("user", absl::StrCat("q", turn)), History::kAppend, end);
    if (turn == 0) continue;
    if (GetParam().reasons) {
      // Old reasoning goes, so history is rewritten from the last answer on.
      EXPECT_EQ(prepared.history, HistoryOutcome::kRewritten);
      EXPECT_GT(prepared.dropped_tokens, 0);
      continue;
    }
    EXPECT_EQ(prepared.history, HistoryOutcome::kAppended);
    EXPECT_EQ(prepared.dropped_tokens, 0);
    EXPECT_EQ(static_cast<std::size_t>(prepared.truncated_to), before.size());
    const std::string delta = model_->Decode(prepared.appended, false);
    EXPECT_EQ(absl::StartsWith(delta, GetParam().closing), !closed) << delta;
    EXPECT_TRUE(absl::StrContains(delta, absl::StrCat("q", turn))) << delta;
    EXPECT_FALSE(absl::StrContains(delta, "answer")) << delta;
  }
}

TEST_P(GreedyTurnsTest, RewrittenHistoryKeepsWhatTheTemplateStillWrites) {
  if (!GetParam().reasons) return;
  Conversation conversation;
  for (int turn = 0; turn < kTurns; ++turn) {
    const std::vector<TokenId> before = conversation.ids();
    const std::size_t answer =
        conversation.turns.empty()
            ? 0
            : before.size() - static_cast<std::size_t>(conversation.turns.back().output_tokens);
    const TurnPrepared prepared =
        Run(conversation, MessageOf("user", absl::StrCat("q", turn)), History::kAppend, End::kEos);
    if (turn == 0) continue;
    // Cut behind the control token that opens the last answer, two plain pieces before it.
    const auto kept = before.size() - static_cast<std::size_t>(prepared.dropped_tokens);
    ASSERT_LT(kept, answer);
    EXPECT_TRUE(model_->IsSpecial(before[kept - 1]));
    EXPECT_EQ(model_->Decode({&before[kept], answer - kept}, false), "assistant\n");
  }
}

TEST_P(GreedyTurnsTest, AForeignEosIsFollowedByTheTemplatesClosing) {
  if (std::string(GetParam().tokenizer) == "smollm2" || GetParam().reasons) return;
  Conversation conversation;
  Run(conversation, MessageOf("user", "q"), History::kAppend, End::kOtherEos);
  const TurnPrepared next = Run(conversation, MessageOf("user", "r"), History::kAppend, End::kEos);
  EXPECT_EQ(next.appended.front(), Special(GetParam().closing));
  EXPECT_EQ(next.dropped_tokens, 0);
  const TurnPrepared third = Run(conversation, MessageOf("user", "s"), History::kAppend, End::kEos);
  EXPECT_EQ(third.dropped_tokens, 0);
}

TEST_P(GreedyTurnsTest, AReplacedMessageDropsWhatFollowsIt) {
  Conversation conversation;
  for (int turn = 0; turn < 3; ++turn) {
    Run(conversation, MessageOf("user", absl::StrCat("q", turn)), History::kAppend, End::kEos);
  }
  const std::vector<TokenId> before = conversation.ids();
  ChatInput chat;
  chat.history = History::kReplace;
  chat.tools_json = GetParam().tools;
  chat.messages.assign(conversation.messages.begin(), conversation.messages.begin() + 2);
  chat.messages.push_back(MessageOf("user", "another"));
  const auto prepared = PrepareTurn(*model_, conversation.turns, chat, kCaseTime);
  ASSERT_TRUE(prepared.ok());
  std::vector<TokenId> prompt(before.begin(), before.begin() + prepared->truncated_to);
  prompt.insert(prompt.end(), prepared->appended.begin(), prepared->appended.end());
  EXPECT_EQ(prompt, FreshPrompt(chat.messages));
  EXPECT_EQ(prepared->history, HistoryOutcome::kReplaced);
  const auto kept = before.size() - static_cast<std::size_t>(prepared->dropped_tokens);
  const std::string kept_text = model_->Decode({before.data(), kept}, false);
  EXPECT_TRUE(absl::StrContains(kept_text, "the answer in Paris")) << kept_text;
  EXPECT_FALSE(absl::StrContains(kept_text, "q1")) << kept_text;
}

TEST_P(GreedyTurnsTest, AnAnswerCanBeAskedForAgain) {
  Conversation conversation;
  for (int turn = 0; turn < 2; ++turn) {
    Run(conversation, MessageOf("user", absl::StrCat("q", turn)), History::kAppend, End::kEos);
  }
  const std::vector<TokenId> before = conversation.ids();
  ChatInput chat;
  chat.history = History::kReplace;
  chat.tools_json = GetParam().tools;
  chat.messages.assign(conversation.messages.begin(), conversation.messages.end() - 1);
  const auto prepared = PrepareTurn(*model_, conversation.turns, chat, kCaseTime);
  ASSERT_TRUE(prepared.ok());
  std::vector<TokenId> prompt(before.begin(), before.begin() + prepared->truncated_to);
  prompt.insert(prompt.end(), prepared->appended.begin(), prepared->appended.end());
  EXPECT_EQ(prompt, FreshPrompt(chat.messages));
  EXPECT_EQ(prepared->history, HistoryOutcome::kReplaced);
}

TEST(GreedyTurns, BosAndTheDateOccurOnceHoweverManyTurns) {
  const auto model = SmallModel("byte_level", "llama3_shape");
  std::vector<TranscriptTurn> turns;
  std::vector<TokenId> all;
  for (int turn = 0; turn < 4; ++turn) {
    ChatInput chat;
    chat.messages = {MessageOf("user", "hello")};
    const auto prepared = PrepareTurn(*model, turns, chat, kCaseTime);
    ASSERT_TRUE(prepared.ok());
    TurnFinished finished;
    finished.answer = MessageOf("assistant", "hi");
    finished.output = *model->EncodeContinuation("hi");
    turns = CommitToTranscript(turns, *prepared, finished);
  }
  for (const TranscriptTurn& turn : turns)
    all.insert(all.end(), turn.tokens.begin(), turn.tokens.end());
  const std::string text = model->Decode(all, false);
  EXPECT_EQ(text.find("<|begin_of_text|>"), text.rfind("<|begin_of_text|>")) << text;
  EXPECT_NE(text.find("14 Nov 2023"), std::string::npos) << text;
  EXPECT_EQ(text.find("14 Nov 2023"), text.rfind("14 Nov 2023")) << text;
}

}  // namespace
}  // namespace pintle::text

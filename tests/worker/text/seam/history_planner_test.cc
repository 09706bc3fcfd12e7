// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/history_planner.h"

#include <string>
#include <vector>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/fakes/fake_text_model.h"

namespace pintle::text {
namespace {

const absl::Time kClock = absl::FromUnixSeconds(1700000000);

Message Said(const std::string& role, const std::string& text) {
  Message message;
  message.role = role;
  message.text = text;
  return message;
}

// A stored transcript, grown turn by turn as a store would.
struct Stored {
  std::vector<Message> messages;
  std::vector<TokenId> ids;
  std::vector<OutputRange> outputs;
  std::string tools;

  TranscriptView view() const {
    return {.messages = messages, .token_ids = ids, .outputs = outputs, .tools_json = tools};
  }
  void Commit(const HistoryPlan& plan, const std::string& answer, bool eos) {
    ids.resize(static_cast<std::size_t>(plan.truncated_to));
    ids.insert(ids.end(), plan.appended.begin(), plan.appended.end());
    std::erase_if(outputs, [&](OutputRange range) { return range.end > plan.truncated_to; });
    const auto begin = static_cast<Position>(ids.size());
    for (const char c : answer) ids.push_back(static_cast<unsigned char>(c));
    if (eos) ids.push_back(FakeTextModel::kImEnd);
    outputs.push_back({begin, static_cast<Position>(ids.size())});
    messages = plan.messages;
    messages.push_back(Said("assistant", answer));
    tools = plan.tools_json;
  }
};

ChatInput Append(const std::string& text) {
  ChatInput chat;
  chat.messages = {Said("user", text)};
  return chat;
}

std::string TextOf(const TextModel& model, const std::vector<TokenId>& ids) {
  return model.Decode(ids, false);
}

TEST(HistoryPlanner, TheFirstTurnIsTheWholeRendering) {
  const FakeTextModel model;
  const auto plan = PlanHistory(model, {}, Append("hi"), kClock);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(TextOf(model, plan->appended),
            "<|bos|><|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_FALSE(plan->rewritten);
}

TEST(HistoryPlanner, ATurnThatEndedItselfIsContinuedBehindItsEnd) {
  const FakeTextModel model;
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("hi"), kClock), "yo", true);
  const auto plan = PlanHistory(model, stored.view(), Append("so"), kClock);
  EXPECT_EQ(plan->truncated_to, static_cast<Position>(stored.ids.size()));
  EXPECT_EQ(TextOf(model, plan->appended),
            "\n<|im_start|>user\nso<|im_end|>\n<|im_start|>assistant\n");
}

TEST(HistoryPlanner, ATurnThatWasCutOffIsClosedFirst) {
  const FakeTextModel model;
  for (const std::string answer : {"yo", "yo \n", "", "end", "user"}) {
    Stored stored;
    stored.Commit(*PlanHistory(model, {}, Append("hi"), kClock), answer, false);
    const auto plan = PlanHistory(model, stored.view(), Append("so"), kClock);
    EXPECT_EQ(plan->dropped_tokens, 0);
    std::vector<TokenId> all = stored.ids;
    all.insert(all.end(), plan->appended.begin(), plan->appended.end());
    EXPECT_EQ(std::count(all.begin(), all.end(), FakeTextModel::kImEnd), 3) << answer;
  }
}

TEST(HistoryPlanner, ControlIdsWithinAnAnswerDoNotMisalignIt) {
  const FakeTextModel model;
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("hi"), kClock), "yo", true);
  stored.ids.insert(stored.ids.end() - 2, FakeTextModel::kImEnd);
  ++stored.outputs.back().end;
  const auto plan = PlanHistory(model, stored.view(), Append("so"), kClock);
  EXPECT_EQ(plan->dropped_tokens, 0);
  EXPECT_EQ(TextOf(model, plan->appended),
            "\n<|im_start|>user\nso<|im_end|>\n<|im_start|>assistant\n");
}

TEST(HistoryPlanner, DroppedReasoningRewritesFromTheControlTokenBefore) {
  const FakeTextModel model({.drops_reasoning = true});
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("hi"), kClock), "why</think>yo", true);
  const auto plan = PlanHistory(model, stored.view(), Append("so"), kClock);
  EXPECT_TRUE(plan->rewritten);
  EXPECT_EQ(plan->dropped_tokens, 10 + 13 + 1);  // "assistant\n", the answer, its end
  EXPECT_EQ(TextOf(model, plan->appended),
            "assistant\nyo<|im_end|>\n<|im_start|>user\nso<|im_end|>\n<|im_start|>assistant\n");
}

TEST(HistoryPlanner, OtherToolsRewriteAndMissingOnesAreInherited) {
  const FakeTextModel model;
  Stored stored;
  ChatInput first = Append("hi");
  first.tools_json = "[1]";
  stored.Commit(*PlanHistory(model, {}, first, kClock), "yo", true);
  const auto same = PlanHistory(model, stored.view(), Append("so"), kClock);
  EXPECT_FALSE(same->rewritten);
  EXPECT_EQ(same->tools_json, "[1]");
  ChatInput other = Append("so");
  other.tools_json = "[2]";
  const auto changed = PlanHistory(model, stored.view(), other, kClock);
  EXPECT_TRUE(changed->rewritten);
  EXPECT_LT(changed->truncated_to, 5);
}

TEST(HistoryPlanner, AMovedDateRewritesSoTheClockIsFrozen) {
  const FakeTextModel model({.writes_date = true});
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("hi"), kClock), "yo", true);
  EXPECT_FALSE(PlanHistory(model, stored.view(), Append("so"), kClock)->rewritten);
}

TEST(HistoryPlanner, ReplaceKeepsWhatIsEqualAndCountsTheRest) {
  const FakeTextModel model;
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("one"), kClock), "yo", true);
  stored.Commit(*PlanHistory(model, stored.view(), Append("two"), kClock), "ya", true);
  ChatInput chat;
  chat.history = History::kReplace;
  chat.messages = {stored.messages[0], stored.messages[1], Said("user", "three")};
  const auto plan = PlanHistory(model, stored.view(), chat, kClock);
  EXPECT_FALSE(plan->rewritten);
  const auto kept = static_cast<std::ptrdiff_t>(plan->truncated_to);
  EXPECT_EQ(
      TextOf(model, {stored.ids.begin(), stored.ids.begin() + kept}),
      "<|bos|><|im_start|>user\none<|im_end|>\n<|im_start|>assistant\nyo<|im_end|>\n<|im_start|>");
  EXPECT_EQ(TextOf(model, plan->appended), "user\nthree<|im_end|>\n<|im_start|>assistant\n");
  EXPECT_EQ(plan->dropped_tokens, static_cast<Position>(stored.ids.size()) - plan->truncated_to);
}

TEST(HistoryPlanner, ReplaceOfEverythingKeepsOnlyTheBeginning) {
  const FakeTextModel model;
  Stored stored;
  stored.Commit(*PlanHistory(model, {}, Append("one"), kClock), "yo", true);
  ChatInput chat;
  chat.history = History::kReplace;
  chat.messages = {Said("system", "x"), Said("user", "y")};
  const auto plan = PlanHistory(model, stored.view(), chat, kClock);
  EXPECT_FALSE(plan->rewritten);
  EXPECT_LE(plan->truncated_to, 2);
}

TEST(HistoryPlanner, RawTurnsAreNeverRenderedAndBosIsNotRepeated) {
  const FakeTextModel model;
  Stored stored;
  stored.ids = {FakeTextModel::kBos, 'r', 'a', 'w'};
  TranscriptView view = stored.view();
  view.chat_begin = 4;
  const auto plan = PlanHistory(model, view, Append("hi"), kClock);
  EXPECT_EQ(plan->truncated_to, 4);
  EXPECT_FALSE(plan->rewritten);
  EXPECT_EQ(TextOf(model, plan->appended),
            "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n");
}

TEST(HistoryPlanner, RefusesAChatWithoutMessagesAndPassesTheTemplatesRefusalOn) {
  const FakeTextModel model;
  EXPECT_TRUE(
      HasReason(PlanHistory(model, {}, ChatInput(), kClock).status(), Reason::kInvalidField));
  ChatInput chat;
  chat.messages = {Said("refused", "")};
  EXPECT_TRUE(HasReason(PlanHistory(model, {}, chat, kClock).status(), Reason::kTemplateFailed));
}

}  // namespace
}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/turn_history.h"

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

ChatInput Chat(std::vector<Message> messages, History history) {
  ChatInput chat;
  chat.messages = std::move(messages);
  chat.history = history;
  return chat;
}

std::vector<TranscriptTurn> AfterAnswer(const std::vector<TranscriptTurn>& turns,
                                        const TurnPrepared& prepared, const std::string& answer) {
  TurnFinished finished;
  finished.answer = Said("assistant", answer);
  for (const char c : answer) finished.output.push_back(static_cast<unsigned char>(c));
  finished.output.push_back(FakeTextModel::kImEnd);
  finished.closed = true;
  return CommitToTranscript(turns, prepared, finished);
}

TEST(TurnHistory, PromptsAreAppendedAndOnlyTheFirstGetsBos) {
  const FakeTextModel model;
  const auto first = PrepareTurn(model, {}, PromptInput{.text = "ab"}, kClock);
  EXPECT_THAT(first->appended, testing::ElementsAre(FakeTextModel::kBos, 'a', 'b'));
  EXPECT_EQ(first->history, HistoryOutcome::kNew);
  std::vector<TranscriptTurn> turns(1);
  turns[0].tokens = first->appended;
  const auto second = PrepareTurn(model, turns, PromptInput{.text = "<|im_end|>"}, kClock);
  EXPECT_THAT(second->appended, testing::ElementsAre(FakeTextModel::kImEnd));
  EXPECT_EQ(second->truncated_to, 3);
  EXPECT_EQ(second->history, HistoryOutcome::kAppended);
  const auto plain =
      PrepareTurn(model, turns, PromptInput{.text = "<|im_end|>", .parse_special = false}, kClock);
  EXPECT_EQ(plain->appended.size(), 10U);
}

TEST(TurnHistory, IdsAreTakenAsTheyAreWithinTheVocabulary) {
  const FakeTextModel model;
  EXPECT_THAT(PrepareTurn(model, {}, TokensInput{1, 2}, kClock)->appended,
              testing::ElementsAre(1, 2));
  for (const TokenId id : {-1, 512}) {
    EXPECT_TRUE(
        HasReason(PrepareTurn(model, {}, TokensInput{id}, kClock).status(), Reason::kInvalidField));
  }
  EXPECT_TRUE(
      HasReason(PrepareTurn(model, {}, TokensInput{}, kClock).status(), Reason::kInvalidField));
}

TEST(TurnHistory, AnAppendKeepsEveryTurnWhole) {
  const FakeTextModel model;
  std::vector<TranscriptTurn> turns;
  for (int turn = 0; turn < 3; ++turn) {
    const auto prepared =
        PrepareTurn(model, turns, Chat({Said("user", "q")}, History::kAppend), kClock);
    EXPECT_EQ(prepared->kept_turns, turn);
    EXPECT_EQ(prepared->messages.size(), 1U);
    turns = AfterAnswer(turns, *prepared, "a");
  }
}

TEST(TurnHistory, ARewriteMovesTheKeptIdsIntoTheNewTurn) {
  const FakeTextModel model({.drops_reasoning = true});
  std::vector<TranscriptTurn> turns =
      AfterAnswer({}, *PrepareTurn(model, {}, Chat({Said("user", "q")}, History::kAppend), kClock),
                  "r</think>a");
  const auto prepared =
      PrepareTurn(model, turns, Chat({Said("user", "s")}, History::kAppend), kClock);
  EXPECT_EQ(prepared->history, HistoryOutcome::kRewritten);
  EXPECT_EQ(prepared->kept_turns, 0);
  EXPECT_EQ(prepared->truncated_to, 0);
  EXPECT_EQ(prepared->messages.size(), 3U);
  EXPECT_GT(prepared->dropped_tokens, 0);
  EXPECT_EQ(model.Decode(prepared->appended, false),
            "<|bos|><|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\na<|im_end|>\n"
            "<|im_start|>user\ns<|im_end|>\n<|im_start|>assistant\n");
}

TEST(TurnHistory, AReplaceThatContinuesIsAnAppend) {
  const FakeTextModel model;
  std::vector<TranscriptTurn> turns = AfterAnswer(
      {}, *PrepareTurn(model, {}, Chat({Said("user", "q")}, History::kReplace), kClock), "a");
  const std::vector<Message> all = {Said("user", "q"), Said("assistant", "a"), Said("user", "s")};
  const auto append =
      PrepareTurn(model, turns, Chat({Said("user", "s")}, History::kAppend), kClock);
  const auto replace = PrepareTurn(model, turns, Chat(all, History::kReplace), kClock);
  EXPECT_EQ(append->appended, replace->appended);
  EXPECT_EQ(append->kept_turns, replace->kept_turns);
  EXPECT_EQ(replace->history, HistoryOutcome::kAppended);
}

TEST(TurnHistory, AChatAfterAPromptLeavesThePromptAlone) {
  const FakeTextModel model;
  std::vector<TranscriptTurn> turns(1);
  turns[0].tokens = {FakeTextModel::kBos, 'x'};
  for (int turn = 0; turn < 3; ++turn) {
    const auto prepared =
        PrepareTurn(model, turns, Chat({Said("user", "q")}, History::kAppend), kClock);
    EXPECT_EQ(prepared->dropped_tokens, 0);
    EXPECT_EQ(prepared->kept_turns, turn + 1);
    turns = AfterAnswer(turns, *prepared, "a");
  }
  const auto replaced =
      PrepareTurn(model, turns, Chat({Said("user", "q")}, History::kReplace), kClock);
  EXPECT_EQ(replaced->truncated_to, 0);
  EXPECT_EQ(replaced->kept_turns, 0);
  EXPECT_EQ(replaced->history, HistoryOutcome::kReplaced);
}

}  // namespace
}  // namespace pintle::text

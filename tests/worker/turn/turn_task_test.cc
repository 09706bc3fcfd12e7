// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/turn_task.h"

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/turn/turn_bench.h"

namespace pintle {
namespace {

std::vector<TokenId> Flatten(const std::vector<TranscriptTurn>& turns) {
  std::vector<TokenId> tokens;
  for (const TranscriptTurn& turn : turns) {
    tokens.insert(tokens.end(), turn.tokens.begin(), turn.tokens.end());
  }
  return tokens;
}

TEST(TurnTaskTest, TokensAreThoseOfTheReferenceAndTheTextIsTheirs) {
  TurnBench bench;
  const SeenTurn seen = bench.Run(TurnBench::Prompt("hello", 30));
  ASSERT_TRUE(seen.status.ok()) << seen.status;
  EXPECT_EQ(seen.tokens, bench.decoder().ReferenceTokens(seen.prepared.appended, 30));
  EXPECT_EQ(seen.text, text::FakeTextModel().Decode(seen.tokens, true));
  EXPECT_EQ(seen.choice.reason, FinishReason::kLength);
  EXPECT_EQ(seen.finished.usage.completion_tokens, 30);
  EXPECT_EQ(seen.finished.output, seen.tokens);
}

TEST(TurnTaskTest, EventsComeInTheirOrder) {
  TurnBench bench;
  const SeenTurn seen = bench.Run(TurnBench::Prompt("hello", 5));
  ASSERT_GE(seen.events.size(), 5u);
  EXPECT_TRUE(std::holds_alternative<TurnPrepared>(seen.events[0]));
  EXPECT_TRUE(std::holds_alternative<TurnStarted>(seen.events[1]));
  EXPECT_TRUE(std::holds_alternative<TurnChunk>(seen.events[2]));
  EXPECT_TRUE(std::holds_alternative<TurnChoiceFinished>(seen.events[seen.events.size() - 2]));
  EXPECT_TRUE(std::holds_alternative<TurnFinished>(seen.events.back()));
}

TEST(TurnTaskTest, TheNextTurnFindsTheSessionsKvAndContinuesItsTokens) {
  TurnBench bench;
  const SeenTurn first = bench.Run(bench.Chat("s", "a first message", 20));
  ASSERT_TRUE(first.status.ok()) << first.status;
  const std::vector<TokenId> history = Flatten(bench.transcript("s"));
  const SeenTurn second = bench.Run(bench.Chat("s", "a second one", 20));
  ASSERT_TRUE(second.status.ok()) << second.status;
  EXPECT_EQ(second.started.history, HistoryOutcome::kAppended);
  EXPECT_EQ(second.started.cached.session, static_cast<std::int32_t>(history.size()) - 1);
  std::vector<TokenId> prompt = history;
  prompt.insert(prompt.end(), second.prepared.appended.begin(), second.prepared.appended.end());
  EXPECT_EQ(second.tokens, bench.decoder().ReferenceTokens(prompt, 20));
  EXPECT_EQ(bench.transcripts().size(), 1u);
}

TEST(TurnTaskTest, ARolledBackTurnLeavesTheSessionAsItWas) {
  TurnBench bench;
  ASSERT_TRUE(bench.Run(bench.Chat("s", "a first message", 20)).status.ok());
  {
    auto stream = *bench.turns().Start(bench.Chat("s", "never mind", 1500));
    while (!stream->Next()) {
    }
  }  // The consumer leaves; its next turn does not wait to be told that all is clear.
  const std::size_t history = Flatten(bench.transcript("s")).size();
  const SeenTurn next = bench.Run(bench.Chat("s", "a second one", 20));
  ASSERT_TRUE(next.status.ok()) << next.status;
  EXPECT_EQ(next.started.cached.session, static_cast<std::int32_t>(history) - 1);
}

TEST(TurnTaskTest, AStopStringEndsTheTurnAndTheTranscriptHoldsTheDeliveredText) {
  TurnBench bench;
  const SeenTurn whole = bench.Run(TurnBench::Prompt("stop me", 120));
  // A character of plain text that the greedy run makes late and not before.
  std::string stop;
  for (std::size_t at = 10; at < whole.text.size() && stop.empty(); ++at) {
    const char letter = whole.text[at];
    if (letter > ' ' && letter < 127 && whole.text.find(letter) == at) stop = letter;
  }
  ASSERT_FALSE(stop.empty());
  TurnRequest request = TurnBench::Prompt("stop me", 120);
  request.request.stopping.stop = {stop};
  const SeenTurn seen = bench.Run(request);
  ASSERT_TRUE(seen.status.ok()) << seen.status;
  EXPECT_EQ(seen.choice.reason, FinishReason::kStop);
  EXPECT_EQ(seen.choice.stop, stop);
  EXPECT_EQ(seen.text, whole.text.substr(0, whole.text.find(stop)));
  EXPECT_EQ(seen.finished.output, seen.tokens);
  EXPECT_EQ(text::FakeTextModel().Decode(seen.tokens, true), seen.text);
}

TEST(TurnTaskTest, EosEndsTheTurnIsATokenAndNotText) {
  FakeDecoderOptions options = TurnBench::Small();
  options.eos_per_mille = 100;
  TurnBench bench(256, options);
  const SeenTurn seen = bench.Run(TurnBench::Prompt("until the end", 1000));
  ASSERT_TRUE(seen.status.ok()) << seen.status;
  EXPECT_EQ(seen.choice.reason, FinishReason::kEos);
  EXPECT_EQ(seen.tokens.back(), text::FakeTextModel::kImEnd);
  EXPECT_EQ(seen.text.find("<|im_end|>"), std::string::npos);
  EXPECT_TRUE(seen.finished.closed);
}

TEST(TurnTaskTest, PartialCommitKeepsWhatWasDelivered) {
  TurnBench bench;
  auto stream = *bench.turns().Start(bench.Chat("s", "go on", 1500));
  while (true) {
    std::optional<TurnEvent> event = stream->Next();
    if (event && std::holds_alternative<TurnChunk>(*event)) break;
  }
  stream->Cancel(CancelMode::kCommitPartial, absl::CancelledError("enough"));
  SeenTurn seen;
  bool last = false;
  std::size_t tokens = 0;
  while (!last) {
    std::optional<TurnEvent> event = stream->Next();
    if (!event) continue;
    last = IsLast(*event);
    if (auto* chunk = std::get_if<TurnChunk>(&*event)) tokens += chunk->tokens.size();
    if (auto* choice = std::get_if<TurnChoiceFinished>(&*event)) seen.choice = *choice;
    if (auto* finished = std::get_if<TurnFinished>(&*event)) seen.finished = *finished;
  }
  EXPECT_EQ(seen.choice.reason, FinishReason::kCancelled);
  EXPECT_FALSE(seen.finished.output.empty());
  EXPECT_LT(seen.finished.output.size(), 1500u);
  EXPECT_EQ(bench.BlocksInUse(), 0);
  EXPECT_EQ(bench.transcripts().size(), 1u);
}

TEST(TurnTaskTest, AReaderThatIsBehindPausesItsTurnAndIsEndedAtLast) {
  TurnBench bench;
  auto slow = *bench.turns().Start(TurnBench::Prompt("slow", 1500));
  const SeenTurn quick = bench.Run(TurnBench::Prompt("quick", 300));
  EXPECT_TRUE(quick.status.ok()) << quick.status;
  const SeenTurn seen = TurnBench::Drain(*slow);
  if (seen.status.ok()) {
    EXPECT_EQ(seen.tokens.size(), 1500u) << "read again in time, nothing is lost";
  } else {
    EXPECT_TRUE(HasReason(seen.status, Reason::kSlowReader)) << seen.status;
  }
  auto asleep = *bench.turns().Start(TurnBench::Prompt("asleep", 1500));
  std::optional<TurnEvent> event;
  while (!event || !std::holds_alternative<TurnStarted>(*event)) event = asleep->Next();
  EXPECT_EQ(bench.BlocksInUse(), 0) << "a reader asleep holds nothing for ever";
  const SeenTurn ended = TurnBench::Drain(*asleep);
  EXPECT_TRUE(HasReason(ended.status, Reason::kSlowReader)) << ended.status;
  EXPECT_LE(ended.tokens.size(), 2 * limits::kOutboxEvents);
}

TEST(TurnTaskTest, LogprobsStayWithTheirTokens) {
  TurnBench bench;
  TurnRequest request = TurnBench::Prompt("scores", 10);
  request.request.output.logprobs = true;
  request.request.output.top_logprobs = 3;
  const SeenTurn seen = bench.Run(request);
  ASSERT_EQ(seen.logprobs.size(), seen.tokens.size());
  for (std::size_t i = 0; i < seen.tokens.size(); ++i) {
    EXPECT_EQ(seen.logprobs[i].token, seen.tokens[i]);
    EXPECT_EQ(seen.logprobs[i].top.size(), 3u);
  }
}

TEST(TurnTaskTest, EchoReturnsThePromptAndPromptLogprobsScoreIt) {
  TurnBench bench;
  TurnRequest request = TurnBench::Prompt("echo me", 3);
  request.request.output.echo = true;
  request.request.output.prompt_logprobs = true;
  const SeenTurn seen = bench.Run(request);
  ASSERT_TRUE(seen.status.ok()) << seen.status;
  std::size_t scored = 0;
  std::string echoed;
  for (const TurnEvent& event : seen.events) {
    if (auto* prompt = std::get_if<TurnPromptChunk>(&event)) {
      echoed += prompt->text;
      scored += prompt->logprobs.size();
    }
  }
  EXPECT_EQ(echoed, "echo me");
  EXPECT_EQ(scored, seen.prepared.appended.size() - 1) << "nothing predicts the first token";
}

TEST(TurnTaskTest, EachChoiceHasItsOwnTextAndAllAreCounted) {
  TurnBench bench;
  TurnRequest request = TurnBench::Prompt("several", 12);
  request.request.n = 4;
  request.request.sampling.temperature = 1.0F;
  const SeenTurn seen = bench.Run(request);
  ASSERT_TRUE(seen.status.ok()) << seen.status;
  EXPECT_EQ(seen.finished.usage.completion_tokens, 48);
  EXPECT_EQ(seen.started.seed, 42u);
  EXPECT_EQ(bench.BlocksInUse(), 0);
}

TEST(TurnTaskTest, WhatCannotRunFailsWithItsReasonAndHoldsNothing) {
  TurnBench bench;
  TurnRequest request = TurnBench::Prompt("x", 5);
  request.request.model = "another";
  EXPECT_TRUE(HasReason(bench.Run(request).status, Reason::kModelNotFound));
  request = TurnBench::Prompt(std::string(3000, 'x'), 5);
  EXPECT_TRUE(HasReason(bench.Run(request).status, Reason::kPromptTooLong));
  request = TurnBench::Prompt("x", 5);
  request.incarnation = 8;
  EXPECT_TRUE(HasReason(bench.Run(request).status, Reason::kStaleEpoch));
  request = TurnBench::Prompt("x", 5);
  request.deadline = absl::ZeroDuration();
  EXPECT_TRUE(absl::IsDeadlineExceeded(bench.Run(request).status));
  ASSERT_TRUE(bench.Run(bench.Chat("full", std::string(1500, 'y'), 400)).status.ok());
  EXPECT_TRUE(HasReason(bench.Run(bench.Chat("full", std::string(500, 'z'), 5)).status,
                        Reason::kContextFull));
  EXPECT_EQ(bench.BlocksInUse(), 0);
}

TEST(TurnTaskTest, ACancelBeforeTheFirstJobEndsTheTurn) {
  TurnBench bench;
  for (int i = 0; i < 50; ++i) {
    auto stream = *bench.turns().Start(TurnBench::Prompt("x", 1500));
    stream->Cancel(CancelMode::kRollback, MakeError(Reason::kSessionDeleted, "gone"));
    const SeenTurn seen = TurnBench::Drain(*stream);
    EXPECT_TRUE(HasReason(seen.status, Reason::kSessionDeleted)) << seen.status;
  }
  EXPECT_EQ(bench.BlocksInUse(), 0);
}

}  // namespace
}  // namespace pintle

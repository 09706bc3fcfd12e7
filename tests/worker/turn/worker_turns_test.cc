// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/worker_turns.h"

#include <thread>

#include "absl/synchronization/notification.h"
#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/turn/turn_bench.h"

namespace pintle {
namespace {

absl::StatusOr<TokenizeResult> Tokenize(TurnBench& bench, TokenizeRequest request) {
  absl::StatusOr<TokenizeResult> result = absl::UnknownError("not answered");
  absl::Notification answered;
  bench.turns().Tokenize(std::move(request), [&](absl::StatusOr<TokenizeResult> answer) {
    result = std::move(answer);
    answered.Notify();
  });
  answered.WaitForNotification();
  return result;
}

TEST(WorkerTurnsTest, TokenizesTextAndGivesTokensTheirTextBack) {
  TurnBench bench;
  TokenizeRequest request;
  request.input = PromptInput{"some text", true};
  auto tokens = Tokenize(bench, request);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  request.input = TokensInput(tokens->tokens.begin() + 1, tokens->tokens.end());  // BOS has a name
  auto text = Tokenize(bench, request);
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_EQ(text->text, "some text");
}

TEST(WorkerTurnsTest, TokenizesAChatAsItsTurnWould) {
  TurnBench bench;
  const SeenTurn turn = bench.Run(bench.Chat("s", "hello", 2));
  TokenizeRequest request;
  ChatInput chat;
  chat.messages.push_back({"user", "hello", {}, "", ""});
  request.input = chat;
  auto tokens = Tokenize(bench, request);
  ASSERT_TRUE(tokens.ok()) << tokens.status();
  EXPECT_EQ(tokens->tokens, turn.prepared.appended);
}

TEST(WorkerTurnsTest, RefusesForeignModelsAndForeignIds) {
  TurnBench bench;
  TokenizeRequest request;
  request.model = "another";
  request.input = PromptInput{"x", true};
  EXPECT_TRUE(HasReason(Tokenize(bench, request).status(), Reason::kModelNotFound));
  request.model = "";
  request.input = TokensInput{1 << 20};
  EXPECT_TRUE(HasReason(Tokenize(bench, request).status(), Reason::kInvalidField));
}

TEST(WorkerTurnsTest, DropSessionForgetsKvAndTranscript) {
  TurnBench bench;
  ASSERT_TRUE(bench.Run(bench.Chat("s", "hello", 20)).status.ok());
  bench.turns().DropSession({TenantId("t"), SessionId("s")});
  EXPECT_EQ(bench.transcripts().size(), 0u);
  // The owner still names its transcript as the base, and is told that it is not here.
  const SeenTurn next = bench.Run(bench.Chat("s", "again", 5));
  EXPECT_TRUE(HasReason(next.status, Reason::kPositionMismatch)) << next.status;
}

TEST(WorkerTurnsTest, ASessionRunsOneTurnAndANewerBindingEndsTheOlder) {
  TurnBench bench;
  auto running = *bench.turns().Start(bench.Chat("s", "long", 1500));
  EXPECT_TRUE(
      HasReason(bench.turns().Start(bench.Chat("s", "second", 5)).status(), Reason::kSessionBusy));
  TurnRequest newer = bench.Chat("s", "newer", 5);
  newer.epoch = 2;
  EXPECT_TRUE(bench.Run(newer).status.ok());
  EXPECT_TRUE(HasReason(TurnBench::Drain(*running).status, Reason::kStaleEpoch));
}

TEST(WorkerTurnsTest, ManySessionsAtOnceGiveEachTheTokensItGetsAlone) {
  TurnBench bench(600);
  std::vector<std::thread> threads;
  std::vector<SeenTurn> seen(40);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    threads.emplace_back([&, i] {
      auto stream = *bench.turns().Start(TurnBench::Prompt("stream " + std::to_string(i), 64));
      seen[i] = TurnBench::Drain(*stream);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const SeenTurn& turn : seen) {
    ASSERT_TRUE(turn.status.ok()) << turn.status;
    EXPECT_EQ(turn.tokens, bench.decoder().ReferenceTokens(turn.prepared.appended, 64));
  }
}

}  // namespace
}  // namespace pintle

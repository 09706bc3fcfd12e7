// SPDX-License-Identifier: Apache-2.0
#include "contract/turn.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::ElementsAre;

TranscriptTurn TurnOf(std::vector<TokenId> tokens) {
  TranscriptTurn turn;
  turn.tokens = std::move(tokens);
  return turn;
}

TEST(TranscriptDigestTest, DependsOnTheTokensNotOnTheTurnsTheyCameIn) {
  EXPECT_EQ(TranscriptDigest({TurnOf({1, 2}), TurnOf({3})}, 2),
            TranscriptDigest({TurnOf({1, 2, 3})}, 1));
}

TEST(TranscriptDigestTest, EveryTokenAndItsPlaceMatter) {
  const std::uint64_t digest = TranscriptDigest({TurnOf({1, 2, 3})}, 1);
  EXPECT_NE(TranscriptDigest({TurnOf({2, 1, 3})}, 1), digest);
  EXPECT_NE(TranscriptDigest({TurnOf({1, 2})}, 1), digest);
  EXPECT_NE(TranscriptDigest({TurnOf({1, 2, 3, 0})}, 1), digest);
}

TEST(TranscriptDigestTest, APrefixExtendsToTheWhole) {
  const std::vector<TranscriptTurn> turns = {TurnOf({5, 6}), TurnOf({7}), TurnOf({8, 9})};
  EXPECT_EQ(TranscriptDigest(turns, 0), kEmptyTranscriptDigest);
  std::uint64_t digest = kEmptyTranscriptDigest;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    digest = ExtendTranscriptDigest(digest, turns[i].tokens);
    EXPECT_EQ(digest, TranscriptDigest(turns, i + 1));
  }
}

TEST(TranscriptDigestTest, IsTheSameInEveryBuild) {
  // Worker and coordinator may be of different builds: another digest would be another protocol.
  EXPECT_EQ(TranscriptDigest({TurnOf({1, 2, 3})}, 1), 0x6da0eea95f45479eULL);
}

TEST(CommitToTranscriptTest, AddsOneTurnAfterTheKeptOnes) {
  const std::vector<TranscriptTurn> turns = {TurnOf({1}), TurnOf({2}), TurnOf({3})};
  TurnPrepared prepared;
  prepared.kept_turns = 2;
  prepared.appended = {7, 8};
  prepared.messages = {Message{"user", "q", {}, "", ""}};
  TurnFinished finished;
  finished.output = {9};
  finished.answer = Message{"assistant", "a", {}, "", ""};
  finished.closed = true;
  const std::vector<TranscriptTurn> result = CommitToTranscript(turns, prepared, finished);
  ASSERT_EQ(result.size(), 3u);
  EXPECT_EQ(result[0], turns[0]);
  EXPECT_EQ(result[1], turns[1]);
  EXPECT_THAT(result[2].tokens, ElementsAre(7, 8, 9));
  EXPECT_EQ(result[2].output_tokens, 1);
  EXPECT_THAT(result[2].messages, ElementsAre(prepared.messages[0], finished.answer));
  EXPECT_TRUE(result[2].closed);
}

TEST(CommitToTranscriptTest, ARawPromptLeavesNoMessage) {
  TurnPrepared prepared;
  prepared.appended = {1};
  EXPECT_TRUE(CommitToTranscript({}, prepared, TurnFinished())[0].messages.empty());
}

TEST(CommitToTranscriptTest, KeepingMoreTurnsThanThereAreIsAProgrammersError) {
  TurnPrepared prepared;
  prepared.kept_turns = 1;
  EXPECT_DEATH(CommitToTranscript({}, prepared, TurnFinished()), "cannot keep more turns");
}

TEST(MergeChunkTest, OnlyWhatGoesOnIsAppended) {
  TurnChunk chunk;
  chunk.tokens = {1, 2};
  chunk.text = "ab";
  TurnChunk next;
  next.first_index = 2;
  next.tokens = {3};
  next.text = "c";
  TurnChunk other = next;
  other.choice = 1;
  TurnChunk gap = next;
  gap.first_index = 3;
  EXPECT_FALSE(MergeChunk(chunk, std::move(other)));
  EXPECT_FALSE(MergeChunk(chunk, std::move(gap)));
  EXPECT_EQ(chunk.text, "ab");
  EXPECT_TRUE(MergeChunk(chunk, std::move(next)));
  EXPECT_THAT(chunk.tokens, ElementsAre(1, 2, 3));
  EXPECT_EQ(chunk.text, "abc");
}

TEST(IsLastTest, OnlyAnEndIsLast) {
  EXPECT_TRUE(IsLast(TurnFinished()));
  EXPECT_TRUE(IsLast(TurnFailed()));
  EXPECT_FALSE(IsLast(TurnPrepared()));
  EXPECT_FALSE(IsLast(TurnStarted()));
  EXPECT_FALSE(IsLast(TurnPromptChunk()));
  EXPECT_FALSE(IsLast(TurnChunk()));
  EXPECT_FALSE(IsLast(TurnChoiceFinished()));
}

}  // namespace
}  // namespace pintle

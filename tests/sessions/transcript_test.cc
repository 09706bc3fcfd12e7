// SPDX-License-Identifier: Apache-2.0
#include "sessions/transcript.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TurnPrepared Prepared(std::int32_t kept, Position truncated_to, std::vector<TokenId> appended) {
  TurnPrepared prepared;
  prepared.kept_turns = kept;
  prepared.truncated_to = truncated_to;
  prepared.appended = std::move(appended);
  return prepared;
}

TurnFinished Finished(std::vector<TokenId> output) {
  TurnFinished finished;
  finished.output = std::move(output);
  return finished;
}

TEST(TranscriptTest, EmptyHasPositionZeroAndTheEmptyDigest) {
  const Transcript transcript;
  EXPECT_EQ(transcript.position(), 0);
  EXPECT_EQ(transcript.digest(), TranscriptDigest({}, 0));
  EXPECT_TRUE(transcript.From(0).empty());
}

TEST(TranscriptTest, CommitsEqualThoseOfTheContract) {
  Transcript transcript;
  std::vector<TranscriptTurn> plain;
  const std::vector<std::pair<TurnPrepared, TurnFinished>> turns = {
      {Prepared(0, 0, {1, 2}), Finished({3})},
      {Prepared(1, 3, {4}), Finished({5, 6})},
      {Prepared(1, 3, {9}), Finished({})},  // replaces the second
      {Prepared(0, 0, {7}), Finished({8})},
  };
  for (const auto& [prepared, finished] : turns) {
    const auto next = transcript.Commit(prepared, finished);
    ASSERT_TRUE(next.ok()) << next.status();
    transcript = *next;
    plain = CommitToTranscript(plain, prepared, finished);
    EXPECT_EQ(transcript.From(0), plain);
    for (std::int32_t count = 0; count <= transcript.turns(); ++count) {
      EXPECT_EQ(transcript.DigestAt(count),
                TranscriptDigest(plain, static_cast<std::size_t>(count)));
    }
  }
}

TEST(TranscriptTest, CommitOnTurnsOrTokensThatAreNotThereIsInternal) {
  const Transcript transcript = *Transcript().Commit(Prepared(0, 0, {1, 2}), Finished({3}));
  for (const TurnPrepared& wrong :
       {Prepared(2, 3, {}), Prepared(-1, 0, {}), Prepared(1, 2, {}), Prepared(0, 1, {})}) {
    EXPECT_EQ(transcript.Commit(wrong, {}).status().code(), absl::StatusCode::kInternal);
  }
}

TEST(TranscriptTest, VersionsShareTheirTurns) {
  const Transcript one = *Transcript().Commit(Prepared(0, 0, {1}), Finished({2}));
  const Transcript two = *one.Commit(Prepared(1, 2, {3}), Finished({4}));
  EXPECT_EQ(&one.turn(0), &two.turn(0));
  EXPECT_EQ(one.turns(), 1);
}

TEST(TranscriptTest, ACutKeepsIdsAndMakesARawTurnOfAPart) {
  TranscriptTurn chat;
  chat.messages = {Message{"user", "hi", {}, {}, {}}};
  chat.tokens = {1, 2, 3};
  chat.output_tokens = 1;
  chat.closed = true;
  const Transcript whole = Transcript::Of({chat, chat});
  EXPECT_EQ(whole.Cut(6).digest(), whole.digest());
  EXPECT_EQ(whole.Cut(0).turns(), 0);
  const Transcript between = whole.Cut(3);
  EXPECT_EQ(between.turns(), 1);
  EXPECT_EQ(between.turn(0), chat);
  const Transcript inside = whole.Cut(5);
  EXPECT_EQ(inside.WholeTurns(5), 2);
  EXPECT_EQ(whole.WholeTurns(5), 1);
  EXPECT_EQ(inside.turn(1).tokens, std::vector<TokenId>({1, 2}));
  EXPECT_TRUE(inside.turn(1).messages.empty());
  EXPECT_FALSE(inside.turn(1).closed);
  EXPECT_EQ(inside.position(), 5);
  EXPECT_EQ(inside.DigestAt(1), whole.DigestAt(1));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/transcript_cache.h"

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TranscriptTurn Turn(std::vector<TokenId> tokens) {
  TranscriptTurn turn;
  turn.tokens = std::move(tokens);
  return turn;
}

std::vector<TranscriptTurn> Turns() { return {Turn({1, 2, 3}), Turn({4, 5})}; }

SessionKey Key(const char* session = "s") { return {TenantId("t"), SessionId(session)}; }

TurnRequest Request(Epoch epoch, std::int32_t base_turns = 0) {
  TurnRequest request;
  request.tenant = TenantId("t");
  request.request.session = SessionId("s");
  request.epoch = epoch;
  request.base_turns = base_turns;
  const std::vector<TranscriptTurn> turns = Turns();
  for (std::int32_t i = 0; i < base_turns; ++i) {
    request.base_position +=
        static_cast<Position>(turns[static_cast<std::size_t>(i)].tokens.size());
  }
  request.base_digest = TranscriptDigest(turns, static_cast<std::size_t>(base_turns));
  return request;
}

void Fill(TranscriptCache& cache, Epoch epoch) {
  cache.Store(Key(), epoch, std::make_shared<const std::vector<TranscriptTurn>>(Turns()));
}

TEST(TranscriptCacheTest, AnUnknownSessionStartsFromWhatIsSent) {
  TranscriptCache cache(4);
  TurnRequest request = Request(1);
  request.missing_turns = Turns();
  auto turns = cache.Resolve(request);
  ASSERT_TRUE(turns.ok());
  EXPECT_EQ(**turns, Turns());
}

TEST(TranscriptCacheTest, OnlyWhatIsMissingMustBeSent) {
  TranscriptCache cache(4);
  Fill(cache, 1);
  TurnRequest request = Request(1, 2);
  request.missing_turns = {Turn({6})};
  auto turns = cache.Resolve(request);
  ASSERT_TRUE(turns.ok());
  ASSERT_EQ((*turns)->size(), 3u);
  EXPECT_EQ((**turns)[2], Turn({6}));
}

TEST(TranscriptCacheTest, AShorterBaseCutsTheCopyBackToTheOwnersTruth) {
  TranscriptCache cache(4);
  Fill(cache, 1);
  auto turns = cache.Resolve(Request(1, 1));
  ASSERT_TRUE(turns.ok());
  EXPECT_EQ((*turns)->size(), 1u);
}

TEST(TranscriptCacheTest, ACopyWithOtherTokensIsNoBase) {
  TranscriptCache cache(4);
  cache.Store(Key(), 1,
              std::make_shared<const std::vector<TranscriptTurn>>(
                  std::vector<TranscriptTurn>{Turn({1, 2, 9}), Turn({4, 5})}));
  auto turns = cache.Resolve(Request(1, 2));
  EXPECT_TRUE(HasReason(turns.status(), Reason::kPositionMismatch)) << turns.status();
}

TEST(TranscriptCacheTest, AMissingCopyIsNoBase) {
  TranscriptCache cache(4);
  EXPECT_TRUE(HasReason(cache.Resolve(Request(1, 1)).status(), Reason::kPositionMismatch));
}

TEST(TranscriptCacheTest, OlderEpochsAreFenced) {
  TranscriptCache cache(4);
  Fill(cache, 7);
  EXPECT_TRUE(HasReason(cache.Resolve(Request(6, 2)).status(), Reason::kStaleEpoch));
  EXPECT_TRUE(cache.Resolve(Request(7, 2)).ok());
  ASSERT_TRUE(cache.Resolve(Request(8, 2)).ok());
  // A commit of the fenced binding that comes late must not bring its transcript back.
  cache.Store(Key(), 7, std::make_shared<const std::vector<TranscriptTurn>>());
  EXPECT_TRUE(cache.Resolve(Request(8, 2)).ok());
}

TEST(TranscriptCacheTest, ForgetsTheLeastRecentlyUsedBeyondItsBound) {
  TranscriptCache cache(2);
  Fill(cache, 1);
  cache.Store(Key("b"), 1, std::make_shared<const std::vector<TranscriptTurn>>());
  ASSERT_TRUE(cache.Resolve(Request(1, 2)).ok());
  cache.Store(Key("c"), 1, std::make_shared<const std::vector<TranscriptTurn>>());
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_TRUE(cache.Resolve(Request(1, 2)).ok()) << "the session used last stays";
}

TEST(TranscriptCacheTest, DropForgets) {
  TranscriptCache cache(2);
  Fill(cache, 1);
  cache.Drop(Key());
  EXPECT_EQ(cache.size(), 0u);
  EXPECT_FALSE(cache.Resolve(Request(1, 2)).ok());
}

TEST(TranscriptCacheTest, StaleIsWhatIsOlderThanTheNewestBindingSeen) {
  TranscriptCache cache(2);
  EXPECT_FALSE(cache.IsStale(Key(), 0));
  cache.Store(Key(), 5, std::make_shared<const std::vector<TranscriptTurn>>());
  EXPECT_TRUE(cache.IsStale(Key(), 4));
  EXPECT_FALSE(cache.IsStale(Key(), 5));
  EXPECT_FALSE(cache.IsStale(Key(), 6));
}

}  // namespace
}  // namespace pintle

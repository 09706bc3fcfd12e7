// SPDX-License-Identifier: Apache-2.0
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

using KvCacheTurnsTest = KvFixture;

TEST_F(KvCacheTurnsTest, TheNextTurnReusesAllTheSessionHolds) {
  Turn(Key("a"), Run(0, 10));
  const KvMatch match = cache_->Match(Key("a"), Run(0, 13));
  EXPECT_EQ(match.session_tokens, 10);
  EXPECT_EQ(match.prefix_tokens, 0);
  EXPECT_EQ(match.blocks_needed, 2);  // one more block for 13 tokens, plus one
  EXPECT_TRUE(match.fits);
}

TEST_F(KvCacheTurnsTest, AtMostAllTokensButOneAreReused) {
  Turn(Key("a"), Run(0, 8));
  EXPECT_EQ(cache_->Match(Key("a"), Run(0, 8)).Total(), 7);
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 8)).prefix_tokens, 7);
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 1)).Total(), 0);
  EXPECT_EQ(cache_->Match(Key("b"), {}).Total(), 0);
}

TEST_F(KvCacheTurnsTest, SessionsOfOneTenantShareFullBlocks) {
  Turn(Key("a"), Run(0, 10));
  KvSequence other = Begin(Key("b"), Run(0, 12));
  EXPECT_EQ(other.cached_prefix(), 8);
  EXPECT_EQ(other.cached_session(), 0);
}

TEST_F(KvCacheTurnsTest, TenantsNeverShare) {
  Turn(Key("a", "t"), Run(0, 12));
  EXPECT_EQ(cache_->Match(Key("a", "u"), Run(0, 12)).Total(), 0);
  EXPECT_EQ(cache_->Match(Key("", "u"), Run(0, 12)).Total(), 0);
  Turn(Key("a", "u"), Run(0, 12));
  EXPECT_EQ(cache_->Stats().deduplicated_blocks, 0);
  EXPECT_EQ(Blocks(BlockState::kEvictable), 6);
}

TEST_F(KvCacheTurnsTest, TheTailIsContinuedInPlace) {
  Turn(Key("a"), Run(0, 6));
  KvSequence sequence = Begin(Key("a"), Run(0, 9));
  const BlockIndex tail = sequence.block_table().back();
  WriteTo(sequence, Run(0, 9));
  EXPECT_FALSE(copy_.has_value());
  EXPECT_EQ(sequence.block_table()[1], tail);
}

TEST_F(KvCacheTurnsTest, ADivergingTurnCopiesTheBlockItDivergesIn) {
  Turn(Key("a"), Run(0, 7));
  std::vector<TokenId> other = Run(0, 6);
  other.push_back(99);
  KvSequence sequence = Begin(Key("a"), other);
  EXPECT_EQ(sequence.cached_session(), 6);
  const BlockIndex source = sequence.block_table()[1];
  WriteTo(sequence, other);
  EXPECT_EQ(copy_, (BlockCopy{source, sequence.block_table()[1], 2}));
  EXPECT_NE(sequence.block_table()[1], source);
  sequence = KvSequence();
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 7);
  EXPECT_EQ(cache_->Match(Key("a"), Run(0, 8)).session_tokens, 7);
}

TEST_F(KvCacheTurnsTest, TheSourceOfACopyIsLetGoOnceTheCopyIsWritten) {
  Turn(Key("a"), Run(0, 7));
  std::vector<TokenId> other = Run(0, 6);
  other.push_back(99);
  Turn(Key("a"), other);
  ASSERT_TRUE(copy_.has_value());
  EXPECT_EQ(Blocks(BlockState::kInUse), 0);
  EXPECT_EQ(Blocks(BlockState::kFree), 6) << "the source was the old turn's tail";
}

TEST_F(KvCacheTurnsTest, RollbackRestoresThePreviousTurnExactly) {
  Turn(Key("a"), Run(0, 6));
  const KvStats before = cache_->Stats();
  KvSequence sequence = Begin(Key("a"), Run(0, 15));
  WriteTo(sequence, Run(0, 15));
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 15)).prefix_tokens, 12);  // running turns are findable
  cache_->Rollback(std::move(sequence), Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 6);
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 15)).prefix_tokens, 4);
  const KvStats after = cache_->Stats();
  EXPECT_EQ(after.blocks, before.blocks);
  EXPECT_EQ(after.tokens, before.tokens);
  EXPECT_EQ(after.physical.removed[At(KvReason::kRolledBack)], 9);
  EXPECT_EQ(after.sessions.removed[At(KvReason::kRolledBack)], 9);
}

TEST_F(KvCacheTurnsTest, CommitLetsTheOldTurnGo) {
  Turn(Key("a"), Run(0, 12));
  Turn(Key("a"), Run(50, 5));
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 5);
  EXPECT_EQ(Blocks(BlockState::kFree), 6);
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kOverwritten)], 12);
  EXPECT_EQ(cache_->Stats().sessions.removed[At(KvReason::kOverwritten)], 12);
}

TEST_F(KvCacheTurnsTest, CommitKeepsOnlyWhatItIsTold) {
  KvSequence sequence = Begin(Key("a"), Run(0, 9));
  WriteTo(sequence, Run(0, 9));
  cache_->CommitTurn(std::move(sequence), 6, Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 6);
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 9)).prefix_tokens, 4);
  EXPECT_EQ(Blocks(BlockState::kEvictable), 2);
}

TEST_F(KvCacheTurnsTest, AnOneShotLeavesItsFullBlocksFindable) {
  Turn(Key(""), Run(0, 10));
  EXPECT_EQ(Blocks(BlockState::kEvictable), 2);
  EXPECT_EQ(cache_->Match(Key("a"), Run(0, 10)).prefix_tokens, 8);
  EXPECT_EQ(cache_->Stats().sessions.added, 0);
}

TEST_F(KvCacheTurnsTest, EqualBlocksComputedTwiceBecomeOne) {
  KvSequence a = Begin(Key("a"), Run(0, 6));
  KvSequence b = Begin(Key("b"), Run(0, 6));
  WriteTo(a, Run(0, 6));
  WriteTo(b, Run(0, 6));
  EXPECT_EQ(a.block_table()[0], b.block_table()[0]);
  EXPECT_NE(a.block_table()[1], b.block_table()[1]);
  EXPECT_EQ(cache_->Stats().deduplicated_blocks, 1);
  EXPECT_EQ(Blocks(BlockState::kInUse), 3);
}

TEST_F(KvCacheTurnsTest, AForkSharesAllAndCopiesOnlyThePartialBlock) {
  KvSequence sequence = Begin(Key("a"), Run(0, 6));
  WriteTo(sequence, Run(0, 6));
  auto fork = cache_->Fork(sequence, Now());
  ASSERT_TRUE(fork.ok());
  EXPECT_EQ(Blocks(BlockState::kInUse), 2);
  const BlockIndex shared = sequence.block_table()[1];
  WriteTo(*fork, Run(0, 7));
  EXPECT_EQ(copy_, (BlockCopy{shared, fork->block_table()[1], 2}));
  WriteTo(sequence, Run(0, 7));
  EXPECT_FALSE(copy_.has_value());
  EXPECT_EQ(sequence.block_table()[1], shared);
  EXPECT_EQ(sequence.block_table()[0], fork->block_table()[0]);
}

TEST_F(KvCacheTurnsTest, RewoundTokensAreNotFindable) {
  KvSequence sequence = Begin(Key("a"), Run(0, 8));
  WriteTo(sequence, Run(0, 8));
  cache_->Rewind(sequence, 6, Now());
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 9)).prefix_tokens, 4);
  WriteTo(sequence, Run(0, 9));
  EXPECT_FALSE(copy_.has_value());
}

TEST_F(KvCacheTurnsTest, ARewoundBlockThatOthersUseIsCopiedBeforeItIsWritten) {
  KvSequence sequence = Begin(Key("a"), Run(0, 8));
  WriteTo(sequence, Run(0, 8));
  KvSequence other = Begin(Key("b"), Run(0, 9));
  cache_->Rewind(sequence, 6, Now());
  WriteTo(sequence, Run(0, 7));
  ASSERT_TRUE(copy_.has_value());
  EXPECT_EQ(copy_->source, other.block_table()[1]);
  EXPECT_EQ(other.tokens(), 8);
}

TEST_F(KvCacheTurnsTest, ACopyThatNoStepCarriedOutIsNeverCommitted) {
  Turn(Key("a"), Run(0, 7));
  std::vector<TokenId> other = Run(0, 6);
  other.push_back(99);
  KvSequence sequence = Begin(Key("a"), other);
  ASSERT_TRUE(cache_->Grow(sequence, 7, Now()).ok());
  const BlockIndex source = cache_->TakeCopy(sequence)->source;
  cache_->CommitTurn(std::move(sequence), 6, Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 6);
  const KvSequence next = Begin(Key("a"), other);
  EXPECT_EQ(next.block_table()[1], source);
}

TEST_F(KvCacheTurnsTest, AFailedGrowChangesNothing) {
  KvSequence a = Begin(Key("a"), Run(0, 16));
  WriteTo(a, Run(0, 16));
  KvSequence b = Begin(Key("b"), Run(50, 30));
  ASSERT_TRUE(cache_->Grow(b, 8, Now()).ok());
  const KvStats before = cache_->Stats();
  const absl::Status status = cache_->Grow(b, 20, Now());
  EXPECT_TRUE(HasReason(status, Reason::kPoolFull)) << status;
  EXPECT_EQ(b.block_table().size(), 2U);
  EXPECT_EQ(cache_->Stats().blocks, before.blocks);
}

TEST_F(KvCacheTurnsTest, AReservationIsKeptForItsTurn) {
  KvSequence a = Begin(Key("a"), Run(0, 20));
  ASSERT_TRUE(cache_->Reserve(a, 6).ok());
  KvSequence b = Begin(Key("b"), Run(50, 20));
  EXPECT_TRUE(HasReason(cache_->Reserve(b, 3), Reason::kPoolFull));
  EXPECT_TRUE(HasReason(cache_->Grow(b, 12, Now()), Reason::kPoolFull));
  EXPECT_TRUE(cache_->Grow(b, 8, Now()).ok());
  EXPECT_TRUE(cache_->Grow(a, 24, Now()).ok());
  EXPECT_EQ(a.reserved_blocks(), 0);
  EXPECT_EQ(cache_->Stats().blocks_reserved, 0);
}

TEST_F(KvCacheTurnsTest, MatchedBlocksAreNotTakenFromOthersReservations) {
  Turn(Key("a"), Run(0, 16));
  KvSequence b = Begin(Key("b"), Run(50, 20));
  ASSERT_TRUE(cache_->Reserve(b, 8).ok());
  EXPECT_FALSE(cache_->Match(Key("a"), Run(0, 17)).fits);
  const auto refused = cache_->Begin(Key("a"), Run(0, 17), Now());
  EXPECT_TRUE(HasReason(refused.status(), Reason::kPoolFull));
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 16);
}

TEST_F(KvCacheTurnsTest, APromptThatFillsThePoolFitsWhateverTheSessionHeld) {
  Turn(Key("a"), Run(0, 31));
  std::vector<TokenId> prompt = Run(0, 30);
  prompt.push_back(99);
  const KvMatch match = cache_->Match(Key("a"), prompt);
  EXPECT_TRUE(match.fits);
  Turn(Key("a"), prompt);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 31);
}

TEST_F(KvCacheTurnsTest, ASecondTurnOfASessionIsRefused) {
  const KvSequence first = Begin(Key("a"), Run(0, 4));
  EXPECT_TRUE(HasReason(cache_->Begin(Key("a"), Run(0, 4), Now()).status(), Reason::kSessionBusy));
  const KvSequence other = Begin(Key("a", "u"), Run(0, 4));
  EXPECT_TRUE(other.valid());
}

TEST_F(KvCacheTurnsTest, APreemptedTurnFindsItsBlocksAgainUnlessTheyWereTaken) {
  Turn(Key("a"), Run(0, 5));
  KvSequence sequence = Begin(Key("a"), Run(0, 13));
  WriteTo(sequence, Run(0, 13));
  cache_->Preempt(std::move(sequence), Now());
  EXPECT_EQ(Blocks(BlockState::kInUse), 0);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 5);
  EXPECT_EQ(cache_->Match(Key("a"), Run(0, 14)).Total(), 12);
  Turn(Key("b"), Run(50, 28));
  EXPECT_GT(cache_->Stats().evictions[At(KvReason::kPreempted)], 0);
  EXPECT_EQ(cache_->Stats().preemptions, 1);
}

TEST_F(KvCacheTurnsTest, CancelStormsLeaveEveryBlockFreeOrEvictable) {
  Turn(Key("a"), Run(0, 9));
  for (int i = 0; i < 1000; ++i) {
    KvSequence a = Begin(Key("a"), Run(0, 10 + i % 9));
    KvSequence b = Begin(Key("b"), Run(i, 6));
    static_cast<void>(cache_->Reserve(b, i % 4));
    if (i % 3 != 0) WriteTo(a, Run(0, 10 + i % 9));
    if (i % 2 != 0) static_cast<void>(cache_->Grow(b, 6, Now()));
  }
  EXPECT_EQ(Blocks(BlockState::kInUse), 0);
  EXPECT_EQ(Blocks(BlockState::kFree) + Blocks(BlockState::kEvictable), 8);
  EXPECT_EQ(cache_->Stats().blocks_reserved, 0);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 9);
}

TEST_F(KvCacheTurnsTest, WritingWithoutRoomIsAProgrammersError) {
  KvSequence sequence = Begin(Key("a"), Run(0, 4));
  EXPECT_DEATH(cache_->Append(sequence, Run(0, 4), Now()), "Grow covered");
}

}  // namespace
}  // namespace pintle::kv

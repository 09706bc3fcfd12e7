// SPDX-License-Identifier: Apache-2.0
// Forks at a position, borrowed blocks and imports.
#include "worker/kv/kv_cache.h"

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

class KvCacheSessionsTest : public KvFixture {
 protected:
  Position Fork(const SessionKey& from, const SessionKey& to, Position tokens) {
    const auto held = cache_->ForkSession(from, to, tokens, Now());
    EXPECT_TRUE(held.ok()) << held.status();
    Check();
    return held.value_or(-1);
  }
  void Import(const SessionKey& key, const std::vector<TokenId>& tokens, std::uint64_t secret) {
    auto sequence = cache_->BeginImport(key, secret, Now());
    ASSERT_TRUE(sequence.ok()) << sequence.status();
    WriteTo(*sequence, tokens);
    cache_->CommitTurn(*std::move(sequence), static_cast<Position>(tokens.size()), Now());
    Check();
  }
};

TEST_F(KvCacheSessionsTest, AForkHoldsTheSameBlocksAndTakesNone) {
  Turn(Key("a"), Run(1, 10));
  const std::int64_t free = Blocks(BlockState::kFree);
  EXPECT_EQ(Fork(Key("a"), Key("b"), 10), 10);
  EXPECT_EQ(Blocks(BlockState::kFree), free);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 10);
  EXPECT_EQ(cache_->Match(Key("b"), Run(1, 12)).session_tokens, 10);
}

TEST_F(KvCacheSessionsTest, AForkAtAPositionInsideABlockHoldsOnlyWhatIsBeforeIt) {
  Turn(Key("a"), Run(1, 10));
  EXPECT_EQ(Fork(Key("a"), Key("b"), 6), 6);
  std::vector<TokenId> other = Run(1, 6);
  other.push_back(99);
  other.push_back(98);
  EXPECT_EQ(cache_->Match(Key("b"), other).session_tokens, 6);
}

TEST_F(KvCacheSessionsTest, TheSharedTailIsCopiedOnlyByTheSecondWriter) {
  Turn(Key("a"), Run(1, 6));
  Fork(Key("a"), Key("b"), 6);
  KvSequence first = Begin(Key("a"), Run(1, 8));
  WriteTo(first, Run(1, 7));
  EXPECT_FALSE(copy_.has_value());
  std::vector<TokenId> branch = Run(1, 6);
  branch.push_back(50);
  branch.push_back(51);
  KvSequence second = Begin(Key("b"), branch);
  EXPECT_EQ(second.tokens(), 6);
  WriteTo(second, branch);
  EXPECT_TRUE(copy_.has_value());
  cache_->CommitTurn(std::move(first), 7, Now());
  cache_->CommitTurn(std::move(second), 8, Now());
  EXPECT_EQ(cache_->Match(Key("a"), Run(1, 9)).session_tokens, 7);
}

TEST_F(KvCacheSessionsTest, AForkTakesTheLastCommittedStateOfARunningSource) {
  Turn(Key("a"), Run(1, 6));
  KvSequence running = Begin(Key("a"), Run(1, 9));
  WriteTo(running, Run(1, 8));
  EXPECT_EQ(Fork(Key("a"), Key("b"), 100), 6);
  cache_->Rollback(std::move(running), Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 6);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 6);
}

TEST_F(KvCacheSessionsTest, AForkReplacesWhatItsNameHeldAndNeverATurn) {
  Turn(Key("a"), Run(1, 6));
  Turn(Key("b"), Run(20, 9));
  Fork(Key("a"), Key("b"), 6);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 6);
  EXPECT_EQ(cache_->SessionStats(Key("b"))->ledger.removed[At(KvReason::kOverwritten)], 9);
  KvSequence running = Begin(Key("b"), Run(1, 8));
  EXPECT_TRUE(HasReason(cache_->ForkSession(Key("a"), Key("b"), 6, Now()).status(),
                        Reason::kSessionBusy));
}

TEST_F(KvCacheSessionsTest, TruncatingOneBranchLeavesTheOther) {
  Turn(Key("a"), Run(1, 10));
  Fork(Key("a"), Key("b"), 10);
  ASSERT_TRUE(cache_->TruncateSession(Key("a"), 5, Now()).ok());
  Check();
  EXPECT_EQ(cache_->SessionStats(Key("a"))->ledger.removed[At(KvReason::kTruncated)], 5);
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kTruncated)], 0);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 10);
  ASSERT_TRUE(cache_->TruncateSession(Key("b"), 5, Now()).ok());
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kTruncated)], 5);
}

TEST_F(KvCacheSessionsTest, BorrowedBlocksOutliveTheirSession) {
  Turn(Key("a"), Run(1, 10));
  auto borrowed = cache_->Borrow(Key("a"), 7, Now());
  ASSERT_TRUE(borrowed.ok());
  EXPECT_EQ(borrowed->tokens(), 7);
  ASSERT_TRUE(cache_->DropSession(Key("a"), KvReason::kSessionDeleted, Now()).ok());
  Check();
  EXPECT_EQ(Blocks(BlockState::kInUse), 2);
  std::vector<TokenId> ids;
  cache_->ReadTokens(*borrowed, &ids);
  EXPECT_EQ(ids, Run(1, 7));
  cache_->Rollback(*std::move(borrowed), Now());
  EXPECT_EQ(Blocks(BlockState::kFree), 8);
}

TEST_F(KvCacheSessionsTest, AWriterCopiesABorrowedTail) {
  Turn(Key("a"), Run(1, 6));
  auto borrowed = cache_->Borrow(Key("a"), 6, Now());
  KvSequence turn = Begin(Key("a"), Run(1, 8));
  WriteTo(turn, Run(1, 7));
  EXPECT_TRUE(copy_.has_value());
  cache_->CommitTurn(std::move(turn), 7, Now());
  cache_->Rollback(*std::move(borrowed), Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 7);
}

TEST_F(KvCacheSessionsTest, AnImportIsFoundByItsSessionAndItsForksOnly) {
  Import(Key("a"), Run(1, 10), 7);
  EXPECT_EQ(cache_->Match(Key("a"), Run(1, 12)).session_tokens, 10);
  EXPECT_EQ(cache_->Match(Key("b"), Run(1, 12)).Total(), 0);
  EXPECT_EQ(cache_->Match(Key(""), Run(1, 12)).Total(), 0);
  Fork(Key("a"), Key("c"), 9);
  EXPECT_EQ(cache_->Match(Key("c"), Run(1, 12)).Total(), 9);
  // Its later turns stay apart, too, and find nothing of others.
  Turn(Key("a"), Run(1, 12));
  EXPECT_EQ(cache_->Match(Key("b"), Run(1, 12)).Total(), 0);
}

TEST_F(KvCacheSessionsTest, ATrustedImportIsSharedAsAnyTurnIs) {
  Import(Key("a"), Run(1, 10), 0);
  EXPECT_EQ(cache_->Match(Key("b"), Run(1, 12)).prefix_tokens, 8);
}

TEST_F(KvCacheSessionsTest, OnceTheImportIsGoneTheSessionSharesAgain) {
  Import(Key("a"), Run(1, 8), 7);
  ASSERT_TRUE(cache_->TruncateSession(Key("a"), 0, Now()).ok());
  Turn(Key("a"), Run(1, 8));
  EXPECT_EQ(cache_->Match(Key("b"), Run(1, 12)).prefix_tokens, 8);
}

TEST_F(KvCacheSessionsTest, AnAbandonedImportLeavesNothing) {
  {
    auto sequence = cache_->BeginImport(Key("a"), 7, Now());
    ASSERT_TRUE(sequence.ok());
    WriteTo(*sequence, Run(1, 10));
  }
  Check();
  EXPECT_EQ(Blocks(BlockState::kFree), 8);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 0);
}

}  // namespace
}  // namespace pintle::kv

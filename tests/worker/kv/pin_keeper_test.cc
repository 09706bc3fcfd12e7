// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/pin_keeper.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

// A pool of 16 blocks of 4 tokens; one request takes at most 4 of them, so guarantees may come to
// half of the pool.
class PinKeeperTest : public KvFixture {
 protected:
  PinKeeperTest() {
    KvOptions options;
    options.blocks = 16;
    options.block_tokens = 4;
    options.bytes_per_token = 10;
    options.hash_key = {1, 2};
    options.sessions_max = 8;
    options.sequences_max = 8;
    options.sequence_blocks_max = 6;
    cache_ = *KvCache::Create(options);
    cache_->SetObserver(&recorder_);
  }

  static Pin Guaranteed(Position budget) {
    Pin pin;
    pin.kind = PinKind::kGuaranteed;
    pin.budget_tokens = budget;
    return pin;
  }
  PinAnswer Set(const char* session, const Pin& pin, absl::Duration lease = absl::Minutes(10)) {
    const PinAnswer answer = cache_->SetPin(Key(session), pin, lease, Now());
    Check();
    return answer;
  }
  void ExpireAfter(absl::Duration time) {
    now_ += time;
    cache_->Expire(now_);
    Check();
  }
  // Evicts whatever may go.
  void Flood() {
    const EvictionPlan plan =
        cache_->Plan(static_cast<std::int32_t>(16 - Blocks(BlockState::kPinned)), Now());
    ASSERT_TRUE(plan.ok());
    cache_->Commit(plan, KvReason::kCapacity, Key("flood"), Now());
    Check();
  }
};

TEST_F(PinKeeperTest, GuaranteesStopAtThePinBudgetAndChangeNothingBeyond) {
  EXPECT_EQ(cache_->Stats().pin_budget_tokens, 32);
  EXPECT_EQ(Set("a", Guaranteed(20)).verdict, PinVerdict::kAccepted);
  const PinAnswer refused = Set("b", Guaranteed(13));
  EXPECT_EQ(refused.verdict, PinVerdict::kRejected);
  EXPECT_TRUE(HasReason(refused.why, Reason::kPinBudget));
  EXPECT_FALSE(cache_->SessionStats(Key("b")).has_value());
  EXPECT_EQ(Set("b", Guaranteed(12)).verdict, PinVerdict::kAccepted);
  EXPECT_EQ(cache_->Stats().guaranteed_tokens, 32);
  EXPECT_EQ(cache_->Stats().pin_rejections, 1);
  EXPECT_EQ(Set("a", Guaranteed(16)).verdict, PinVerdict::kAccepted) << "less is given back";
  EXPECT_EQ(Set("b", Guaranteed(16)).verdict, PinVerdict::kAccepted);
}

TEST_F(PinKeeperTest, GuaranteedKvSurvivesEveryPressureUntilTheLeaseEnds) {
  Turn(Key("a"), Run(0, 12));
  ASSERT_EQ(Set("a", Guaranteed(16)).verdict, PinVerdict::kAccepted);
  EXPECT_EQ(Blocks(BlockState::kPinned), 3);
  Flood();
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 12);
  ExpireAfter(absl::Minutes(11));
  EXPECT_EQ(Blocks(BlockState::kPinned), 0);
  EXPECT_EQ(cache_->Stats().guaranteed_blocks, 0);
  EXPECT_EQ(cache_->Stats().lease_expirations, 1);
  EXPECT_EQ(cache_->SessionStats(Key("a"))->state, KvSessionState::kExpired);
  Flood();
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 0);
  const std::vector<EvictionRecord> records = recorder_.Take();
  ASSERT_EQ(records.size(), 3U);
  for (const EvictionRecord& record : records) EXPECT_EQ(record.reason, KvReason::kLeaseExpired);
}

TEST_F(PinKeeperTest, ALeaseStopsWhileATurnRunsAndBeginsAnewAtItsEnd) {
  Turn(Key("a"), Run(0, 8));
  Set("a", Guaranteed(16), absl::Minutes(5));
  KvSequence turn = Begin(Key("a"), Run(0, 10));
  EXPECT_EQ(cache_->NextExpiry(), absl::InfiniteDuration());
  ExpireAfter(absl::Hours(2));
  EXPECT_EQ(cache_->SessionStats(Key("a"))->pin, PinKind::kGuaranteed);
  turn = KvSequence();
  EXPECT_EQ(cache_->NextExpiry(), now_ + absl::Minutes(5));
  EXPECT_EQ(cache_->RenewPin(Key("a"), now_ + absl::Minutes(1)).verdict, PinVerdict::kAccepted);
  EXPECT_EQ(cache_->NextExpiry(), now_ + absl::Minutes(6));
}

TEST_F(PinKeeperTest, ATurnDrawsOnItsBudgetAndNothingBeyond) {
  Set("a", Guaranteed(16));
  const auto refused = cache_->Begin(Key("a"), Run(0, 10), Now(), {.tokens_max = 17});
  EXPECT_TRUE(HasReason(refused.status(), Reason::kSessionBudget)) << refused.status();
  EXPECT_EQ(cache_->Stats().session_budget_errors, 1);
  auto turn = cache_->Begin(Key("a"), Run(0, 10), Now(), {.tokens_max = 16});
  ASSERT_TRUE(turn.ok());
  // Others fill all that is theirs; the guarantee is untouched.
  KvSequence b = Begin(Key("b"), Run(50, 24));
  KvSequence c = Begin(Key("c"), Run(90, 24));
  ASSERT_TRUE(cache_->Grow(b, 24, Now()).ok());
  ASSERT_TRUE(cache_->Grow(c, 24, Now()).ok());
  KvSequence d = Begin(Key("d"), Run(130, 4));
  EXPECT_TRUE(HasReason(cache_->Grow(d, 4, Now()), Reason::kPoolFull));
  EXPECT_TRUE(cache_->Grow(*turn, 16, Now()).ok());
  EXPECT_TRUE(HasReason(cache_->Grow(*turn, 17, Now()), Reason::kPoolFull));
}

TEST_F(PinKeeperTest, ATurnThatNeedsItsOldBlocksUnpinsThemForAsLongAsItRuns) {
  Turn(Key("a"), Run(0, 16));
  Set("a", Guaranteed(16));
  EXPECT_EQ(Blocks(BlockState::kPinned), 4);
  auto turn = cache_->Begin(Key("a"), Run(70, 10), Now(), {.tokens_max = 16});
  ASSERT_TRUE(turn.ok());
  EXPECT_EQ(Blocks(BlockState::kPinned), 0) << "the budget holds one history, not two";
  Check();
  cache_->Rollback(*std::move(turn), Now());
  Check();
  EXPECT_EQ(Blocks(BlockState::kPinned), 4);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 16);
}

TEST_F(PinKeeperTest, WhatATurnUsedIsPinnedAgainWhenItEnds) {
  Turn(Key("a"), Run(0, 12));
  Set("a", Guaranteed(20));
  KvSequence turn = Begin(Key("a"), Run(0, 14));
  EXPECT_EQ(turn.cached_session(), 12);
  turn = KvSequence();
  EXPECT_EQ(Blocks(BlockState::kPinned), 3);
  Flood();
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 12);
}

TEST_F(PinKeeperTest, AGuaranteeWaitsForRunningTurnsToMakeWay) {
  KvSequence b = Begin(Key("b"), Run(50, 24));
  ASSERT_TRUE(cache_->Grow(b, 24, Now()).ok());
  KvSequence c = Begin(Key("c"), Run(90, 24));
  ASSERT_TRUE(cache_->Grow(c, 24, Now()).ok());
  EXPECT_EQ(Set("a", Guaranteed(20)).verdict, PinVerdict::kDeferred);
  EXPECT_TRUE(cache_->SessionStats(Key("a"))->deferred);
  EXPECT_LT(cache_->Room(TenantId("t")), 0) << "nobody new comes in meanwhile";
  c = KvSequence();
  cache_->Expire(Now());
  EXPECT_FALSE(cache_->SessionStats(Key("a"))->deferred);
}

TEST_F(PinKeeperTest, AWeakerPinWaitsForTheTurnThatDrawsOnTheBudget) {
  Set("a", Guaranteed(16));
  auto turn = cache_->Begin(Key("a"), Run(0, 10), Now(), {.tokens_max = 16});
  ASSERT_TRUE(turn.ok());
  EXPECT_EQ(cache_->ReleasePin(Key("a"), Now()).verdict, PinVerdict::kDeferred);
  EXPECT_TRUE(cache_->Grow(*turn, 16, Now()).ok());
  turn = KvSequence();
  Check();
  EXPECT_EQ(cache_->SessionStats(Key("a"))->pin, PinKind::kBestEffort);
  EXPECT_EQ(cache_->Stats().guaranteed_tokens, 0);
}

TEST_F(PinKeeperTest, MoreThanTheBudgetIsHeldButNotPromised) {
  Turn(Key("a"), Run(0, 18));
  EXPECT_EQ(Set("a", Guaranteed(8)).verdict, PinVerdict::kClipped);
  EXPECT_EQ(Blocks(BlockState::kPinned), 2);
  Flood();
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 8);
}

TEST_F(PinKeeperTest, VerbsOnAnUnknownSessionAreMissing) {
  EXPECT_EQ(cache_->RenewPin(Key("nobody"), Now()).verdict, PinVerdict::kMissing);
  EXPECT_EQ(cache_->ReleasePin(Key("nobody"), Now()).verdict, PinVerdict::kMissing);
}

TEST_F(PinKeeperTest, ADroppedSessionLeavesNothingSetAside) {
  Turn(Key("a"), Run(0, 12));
  Set("a", Guaranteed(16));
  ASSERT_TRUE(cache_->DropSession(Key("a"), KvReason::kSessionDeleted, Now()).ok());
  EXPECT_EQ(cache_->Stats().guaranteed_blocks, 0);
  EXPECT_EQ(Blocks(BlockState::kFree), 16);
  EXPECT_EQ(cache_->NextExpiry(), absl::InfiniteDuration());
}

TEST_F(PinKeeperTest, AForkBeyondTheBudgetNeverMakesAGuaranteeTakeMoreThanItsBlocks) {
  Turn(Key("a"), Run(0, 2));
  ASSERT_EQ(Set("a", Guaranteed(4)).verdict, PinVerdict::kAccepted);
  auto turn = cache_->Begin(Key("a"), Run(0, 3), Now(), {.tokens_max = 4});
  ASSERT_TRUE(turn.ok());
  WriteTo(*turn, Run(0, 3));
  auto fork = cache_->Fork(*turn, Now());
  ASSERT_TRUE(fork.ok()) << fork.status();
  WriteTo(*turn, Run(0, 4));  // copies what the session held two positions of
  fork = KvSequence();
  KvSequence other = Begin(Key("b"), Run(50, 4));
  const auto room = static_cast<std::int32_t>(cache_->Room(TenantId("t")));
  ASSERT_TRUE(cache_->Reserve(other, room).ok());
  Check();
  ASSERT_TRUE(cache_->Grow(other, 4 * std::min(room, 6), Now()).ok());
}

TEST_F(PinKeeperTest, RangesKeepWhatTheyNameAndAllBefore) {
  Turn(Key("a"), Run(0, 16));
  Pin pin;
  pin.kind = PinKind::kRetained;
  pin.ranges = {{0, 8, 80, absl::Minutes(1)}, {8, 12, 20, absl::Minutes(3)}};
  EXPECT_EQ(Set("a", pin).verdict, PinVerdict::kAccepted);
  EXPECT_EQ(cache_->Plan(16, Now()).first_retained, 1U) << "positions 12 to 16";
  ExpireAfter(absl::Minutes(2));
  EXPECT_EQ(cache_->Plan(16, Now()).first_retained, 1U) << "the later range keeps what is before";
  ExpireAfter(absl::Minutes(2));
  EXPECT_EQ(cache_->Plan(16, Now()).first_retained, 4U);
  Flood();
  const std::vector<EvictionRecord> records = recorder_.Take();
  ASSERT_FALSE(records.empty());
  EXPECT_EQ(records.back().reason, KvReason::kTtlExpired);
}

TEST_F(PinKeeperTest, AllPinnedAndThePoolFullStillServesTheLargestRequest) {
  for (const char* name : {"a", "b"}) {
    Set(name, Guaranteed(16));
    auto turn = cache_->Begin(Key(name), Run(TokenId{name[0]} * 100, 16), Now());
    ASSERT_TRUE(turn.ok());
    WriteTo(*turn, Run(TokenId{name[0]} * 100, 16));
    cache_->CommitTurn(*std::move(turn), 16, Now());
  }
  EXPECT_EQ(Blocks(BlockState::kPinned), 8);
  Turn(Key("c"), Run(0, 24));
  Turn(Key("d"), Run(50, 24));
  EXPECT_EQ(cache_->HeldTokens(Key("d")), 24);
  EXPECT_EQ(Blocks(BlockState::kPinned), 8);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_cache.h"

#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

using KvCacheTest = KvFixture;

TEST_F(KvCacheTest, ImpossibleOptionsAreRefusedByName) {
  KvOptions good;
  good.blocks = 8;
  good.block_tokens = 16;
  EXPECT_TRUE(KvCache::Create(good).ok());
  using Spoil = void (*)(KvOptions&);
  const std::vector<Spoil> spoils = {
      [](KvOptions& o) { o.blocks = 0; },       [](KvOptions& o) { o.block_tokens = 0; },
      [](KvOptions& o) { o.hash_bits = 129; },  [](KvOptions& o) { o.policy = "mru"; },
      [](KvOptions& o) { o.blocks = 1 << 30; }, [](KvOptions& o) { o.sessions_max = 0; },
  };
  for (const Spoil spoil : spoils) {
    KvOptions bad = good;
    spoil(bad);
    EXPECT_TRUE(HasReason(KvCache::Create(bad).status(), Reason::kInvalidField));
  }
}

TEST_F(KvCacheTest, AFullPoolEvictsTheLeastRecentlyUsedTailFirst) {
  Turn(Key("a"), Run(0, 14));
  Turn(Key("b"), Run(50, 12));
  KvSequence sequence = Begin(Key("c"), Run(90, 12));
  WriteTo(sequence, Run(90, 12));
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 8);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 12);
  const std::vector<EvictionRecord> records = recorder_.Take();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].tokens, 2);
  EXPECT_EQ(records[0].bytes, 20);
  EXPECT_EQ(records[0].first_position, 12);
  EXPECT_EQ(records[0].sessions[0], SessionId("a"));
  EXPECT_EQ(records[0].holders, 1);
  EXPECT_EQ(records[0].tenant, TenantId("t"));
  EXPECT_EQ(records[0].reason, KvReason::kCapacity);
  EXPECT_EQ(records[0].policy, "lru");
  EXPECT_EQ(records[0].on_behalf_of, Key("c"));
  EXPECT_GT(records[0].idle, absl::ZeroDuration());
  EXPECT_GE(records[0].age, records[0].idle);
  EXPECT_EQ(records[1].first_position, 8);
  const KvStats stats = cache_->Stats();
  EXPECT_EQ(stats.evictions[At(KvReason::kCapacity)], 2);
  EXPECT_EQ(stats.evicted_tokens[At(KvReason::kCapacity)], 6);
  EXPECT_EQ(stats.evicted_bytes[At(KvReason::kCapacity)], 60);
  EXPECT_EQ(stats.idle_before_eviction.count, 2);
}

TEST_F(KvCacheTest, EvictingASharedTailTakesItFromEveryHolder) {
  Turn(Key("a"), Run(0, 8));
  Turn(Key("b"), Run(0, 9));
  ASSERT_TRUE(cache_->TruncateSession(Key("b"), 8, Now()).ok());
  EXPECT_EQ(Blocks(BlockState::kEvictable), 2);
  const EvictionPlan plan = cache_->Plan(7, Now());
  ASSERT_TRUE(plan.ok());
  cache_->Commit(plan, KvReason::kCapacity, Key("c"), Now());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 4);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 4);
  EXPECT_EQ(cache_->Stats().sessions.removed[At(KvReason::kCapacity)], 8);
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kCapacity)], 4);
}

TEST_F(KvCacheTest, PlanChangesNothingAndAShortfallSaysWhatBlocks) {
  Turn(Key("a"), Run(0, 12));
  KvSequence sequence = Begin(Key("b"), Run(50, 8));
  WriteTo(sequence, Run(50, 8));
  const KvStats before = cache_->Stats();
  const EvictionPlan plan = cache_->Plan(8, Now());
  EXPECT_FALSE(plan.ok());
  EXPECT_EQ(plan.shortfall, 2);
  EXPECT_EQ(plan.from_free, 3);
  EXPECT_EQ(plan.victims.size(), 3U);
  EXPECT_EQ(plan.blocks_in_use, 2);
  EXPECT_EQ(cache_->Plan(8, Now()).victims, plan.victims);
  EXPECT_EQ(cache_->Stats().blocks, before.blocks);
}

TEST_F(KvCacheTest, AnOutdatedPlanIsNeverCarriedOut) {
  Turn(Key("a"), Run(0, 12));
  const EvictionPlan plan = cache_->Plan(8, Now());
  const KvSequence sequence = Begin(Key("a"), Run(0, 13));
  EXPECT_DEATH(cache_->Commit(plan, KvReason::kCapacity, Key("b"), Now()), "as it was made");
}

TEST_F(KvCacheTest, DroppingASessionFreesWhatNobodyElseHolds) {
  Turn(Key("a"), Run(0, 9));
  Turn(Key("b"), Run(0, 6));
  ASSERT_TRUE(cache_->DropSession(Key("a"), KvReason::kSessionDeleted, Now()).ok());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 0);
  EXPECT_EQ(cache_->HeldTokens(Key("b")), 6);
  EXPECT_EQ(Blocks(BlockState::kEvictable), 2);
  EXPECT_EQ(cache_->Stats().sessions.removed[At(KvReason::kSessionDeleted)], 9);
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kSessionDeleted)], 5);
  EXPECT_TRUE(cache_->DropSession(Key("nobody"), KvReason::kSessionDeleted, Now()).ok());
}

TEST_F(KvCacheTest, ARunningSessionIsNeitherDroppedNorTruncated) {
  Turn(Key("a"), Run(0, 9));
  const KvSequence sequence = Begin(Key("a"), Run(0, 10));
  EXPECT_TRUE(
      HasReason(cache_->DropSession(Key("a"), KvReason::kAdmin, Now()), Reason::kSessionBusy));
  EXPECT_TRUE(HasReason(cache_->TruncateSession(Key("a"), 2, Now()), Reason::kSessionBusy));
}

TEST_F(KvCacheTest, TruncationForgetsTheRest) {
  Turn(Key("a"), Run(0, 12));
  ASSERT_TRUE(cache_->TruncateSession(Key("a"), 6, Now()).ok());
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 6);
  EXPECT_EQ(Blocks(BlockState::kEvictable), 2);
  EXPECT_EQ(cache_->Match(Key("b"), Run(0, 12)).prefix_tokens, 4);
  EXPECT_EQ(cache_->Stats().physical.removed[At(KvReason::kTruncated)], 6);
}

TEST_F(KvCacheTest, SessionStatsTellOwnFromSharedBlocks) {
  Turn(Key("a"), Run(0, 9));
  Turn(Key("b"), Run(0, 6));
  const auto stats = cache_->SessionStats(Key("a"));
  ASSERT_TRUE(stats.has_value());
  EXPECT_EQ(stats->held_tokens, 9);
  EXPECT_EQ(stats->held_blocks, 3);
  EXPECT_EQ(stats->shared_blocks, 1);
  EXPECT_EQ(stats->own_blocks, 2);
  EXPECT_EQ(stats->turns, 1);
  EXPECT_EQ(cache_->SessionStats(Key("b"))->hit_tokens_prefix, 4);
  EXPECT_FALSE(cache_->SessionStats(Key("nobody")).has_value());
}

TEST_F(KvCacheTest, StatsCountHitsBySource) {
  Turn(Key("a"), Run(0, 9));
  Turn(Key("b"), Run(0, 6));
  Turn(Key("a"), Run(0, 12));
  const KvStats stats = cache_->Stats();
  EXPECT_EQ(stats.prefix_query_tokens, 27);
  EXPECT_EQ(stats.hit_tokens_session, 9);
  EXPECT_EQ(stats.hit_tokens_prefix, 4);
  EXPECT_EQ(stats.capacity_bytes, 8 * 4 * 10);
  EXPECT_EQ(stats.sessions_idle, 2);
}

TEST_F(KvCacheTest, APolicyChangedLiveKeepsEveryBlock) {
  Turn(Key("a"), Run(0, 12));
  const KvSequence sequence = Begin(Key("b"), Run(0, 9));
  const std::vector<Victim> before = cache_->Plan(6, Now()).victims;
  ASSERT_TRUE(cache_->SetPolicy("lru", Now()).ok());
  EXPECT_EQ(cache_->Plan(6, Now()).victims.size(), before.size());
  EXPECT_TRUE(HasReason(cache_->SetPolicy("mru", Now()), Reason::kInvalidField));
}

TEST_F(KvCacheTest, TooManySessionsWithKvAreRefused) {
  std::vector<KvSequence> running;
  for (const char* name : {"a", "b", "c", "d"}) Turn(Key(name), {TokenId{name[0]}, 1});
  EXPECT_TRUE(HasReason(cache_->Begin(Key("e"), Run(0, 4), Now()).status(), Reason::kSessionsMax));
  ASSERT_TRUE(cache_->TruncateSession(Key("c"), 0, Now()).ok());
  EXPECT_TRUE(Begin(Key("e"), Run(0, 4)).valid());
}

TEST_F(KvCacheTest, TenantsAreListedByNameWithWhatTheirSessionsHold) {
  Turn(Key("a", "u"), Run(1, 5));
  Turn(Key("b", "t"), Run(50, 3));
  Turn(Key("c", "t"), Run(70, 4));
  Turn(SessionKey{TenantId("v"), SessionId()}, Run(90, 4));
  const auto tenants = cache_->TenantStats();
  ASSERT_EQ(tenants.size(), 2U);
  EXPECT_EQ(tenants[0].tenant.value(), "t");
  EXPECT_EQ(tenants[0].sessions, 2);
  EXPECT_EQ(tenants[0].held_tokens, 7);
  EXPECT_EQ(tenants[1].held_tokens, 5);
}

}  // namespace
}  // namespace pintle::kv

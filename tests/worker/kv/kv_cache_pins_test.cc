// SPDX-License-Identifier: Apache-2.0
// Tenants' quotas and floors, and what a plan says of pins.
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

class KvCachePinsTest : public KvFixture {
 protected:
  KvCachePinsTest() : KvCachePinsTest({{TenantId("q"), 16, 0}, {TenantId("f"), 0, 12}}) {}
  explicit KvCachePinsTest(std::vector<TenantLimit> tenants) {
    options_.blocks = 16;
    options_.block_tokens = 4;
    options_.hash_key = {1, 2};
    options_.sequences_max = 8;
    options_.sequence_blocks_max = 6;
    options_.tenants = std::move(tenants);
    cache_ = *KvCache::Create(options_);
    cache_->SetObserver(&recorder_);
  }
  KvOptions options_;
};

TEST_F(KvCachePinsTest, ATenantOverItsQuotaEvictsItsOwnBlocksOnly) {
  Turn(Key("a", "other"), Run(0, 12));
  Turn(Key("b", "q"), Run(50, 12));
  Turn(Key("c", "q"), Run(90, 12));
  EXPECT_EQ(cache_->HeldTokens(Key("a", "other")), 12);
  EXPECT_EQ(cache_->HeldTokens(Key("b", "q")), 4);
  EXPECT_EQ(cache_->HeldTokens(Key("c", "q")), 12);
  const std::vector<EvictionRecord> records = recorder_.Take();
  ASSERT_EQ(records.size(), 2U);
  for (const EvictionRecord& record : records) {
    EXPECT_EQ(record.reason, KvReason::kQuota);
    EXPECT_EQ(record.tenant, TenantId("q"));
  }
  EXPECT_GT(Blocks(BlockState::kFree), 0);
}

TEST_F(KvCachePinsTest, ARunningTurnNeverExceedsTheQuota) {
  KvSequence turn = Begin(Key("b", "q"), Run(50, 20));
  EXPECT_TRUE(cache_->Grow(turn, 16, Now()).ok());
  EXPECT_TRUE(HasReason(cache_->Grow(turn, 17, Now()), Reason::kPoolFull));
  EXPECT_TRUE(HasReason(cache_->CheckQuota(TenantId("q"), 5), Reason::kTenantQuota));
}

TEST_F(KvCachePinsTest, AFloorIsNeverEvictedForOthers) {
  Turn(Key("a", "f"), Run(0, 20));
  for (int i = 0; i < 4; ++i) Turn(Key("b", "other"), Run(100 * i + 50, 24));
  Turn(Key("c", "other"), Run(700, 24));
  Turn(Key("d", "other"), Run(900, 24));
  EXPECT_EQ(cache_->HeldTokens(Key("a", "f")), 12);
  Turn(Key("e", "f"), Run(300, 24));
  Turn(Key("g", "f"), Run(500, 24));
  EXPECT_LT(cache_->HeldTokens(Key("a", "f")), 12) << "its own tenant may take it";
}

TEST_F(KvCachePinsTest, APlanNamesThePinsThatBlock) {
  Pin pin;
  pin.kind = PinKind::kGuaranteed;
  pin.budget_tokens = 12;
  Turn(Key("a"), Run(0, 12));
  ASSERT_EQ(cache_->SetPin(Key("a"), pin, absl::Minutes(1), Now()).verdict, PinVerdict::kAccepted);
  const EvictionPlan plan = cache_->Plan(16, Now());
  EXPECT_FALSE(plan.ok());
  EXPECT_EQ(plan.blocks_pinned, 3);
  ASSERT_EQ(plan.blockers.size(), 1U);
  EXPECT_EQ(plan.blockers[0].key, Key("a"));
  EXPECT_EQ(plan.blockers[0].blocks, 3);
  EXPECT_EQ(plan.blockers[0].budget_tokens, 12);
}

TEST_F(KvCachePinsTest, ImpossibleBudgetsAreRefusedByName) {
  KvOptions bad = options_;
  bad.pin_budget_tokens = 21;  // 6 blocks; floors take 3 and a request 8 of 16
  EXPECT_TRUE(HasReason(KvCache::Create(bad).status(), Reason::kInvalidField));
  bad.pin_budget_tokens = 20;
  EXPECT_TRUE(KvCache::Create(bad).ok());
  bad.tenants = {{TenantId("t"), 4, 0}};
  EXPECT_TRUE(HasReason(KvCache::Create(bad).status(), Reason::kInvalidField));
  bad.tenants = {{TenantId("t"), 16, 20}};
  EXPECT_TRUE(HasReason(KvCache::Create(bad).status(), Reason::kInvalidField));
  bad.tenants = {{TenantId("t"), 16, 0}, {TenantId("t"), 16, 0}};
  EXPECT_TRUE(HasReason(KvCache::Create(bad).status(), Reason::kInvalidField));
}

TEST_F(KvCachePinsTest, WhatIsToldOfAReturnReachesThePolicyAtOnce) {
  ASSERT_TRUE(cache_->SetPolicy("session_aware", Now()).ok());
  Turn(Key("a"), Run(0, 24));
  Turn(Key("b"), Run(50, 24));
  const auto first = [this] {
    const EvictionPlan plan = cache_->Plan(5, Now());
    EXPECT_FALSE(plan.victims.empty());
    return cache_->Describe(plan.victims.front(), Now()).sessions.front();
  };
  const absl::Duration soon = now_ + absl::Minutes(1);
  cache_->SetOutlook(Key("a"), std::nullopt, soon, Now());
  cache_->SetOutlook(Key("b"), std::nullopt, soon + absl::Hours(1), Now());
  EXPECT_EQ(first(), SessionId("b")) << "it comes back later";
  cache_->SetOutlook(Key("a"), SessionOutlook::kClosed, std::nullopt, Now());
  EXPECT_EQ(first(), SessionId("a")) << "it does not come back";
  cache_->SetOutlook(Key("a"), SessionOutlook::kOpen, std::nullopt, Now());
  EXPECT_EQ(first(), SessionId("b"));
  cache_->SetOutlook(Key("nobody"), SessionOutlook::kClosed, std::nullopt, Now());
  EXPECT_FALSE(cache_->SessionStats(Key("nobody")));
}

}  // namespace
}  // namespace pintle::kv

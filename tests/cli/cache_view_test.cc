// SPDX-License-Identifier: Apache-2.0
#include "cli/cache_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

v1::TierStats Tier(int in_use, int pinned, int evictable, int free) {
  v1::TierStats tier;
  tier.set_tier(v1::DEVICE);
  tier.set_blocks_in_use(in_use);
  tier.set_blocks_pinned(pinned);
  tier.set_blocks_evictable(evictable);
  tier.set_blocks_free(free);
  tier.set_blocks_total(in_use + pinned + evictable + free);
  return tier;
}

v1::WorkerCache Worker() {
  v1::WorkerCache worker;
  worker.set_worker("worker-1\033[2J");
  worker.set_model("SmolLM2");
  worker.set_policy("lru");
  worker.set_block_tokens(16);
  *worker.add_tiers() = Tier(10, 0, 20, 70);
  v1::RemovedTokens& removed = *worker.mutable_tiers(0)->add_removed();
  removed.set_reason(v1::CAPACITY);
  removed.set_tokens(1600);
  removed.set_evictions(100);
  worker.mutable_prefix()->set_query_tokens(1000);
  worker.mutable_prefix()->set_hit_tokens_session(500);
  worker.mutable_prefix()->set_hit_tokens_prefix(125);
  worker.add_regret()->set_reason(v1::QUOTA);
  worker.mutable_regret(0)->set_tokens(1234);
  worker.set_regret_overflow_tokens(5);
  for (const double capacity : {0.5, 1.0}) {
    worker.add_expected_hit_ratios()->set_capacity(capacity);
    worker.mutable_expected_hit_ratios()->rbegin()->set_hit_ratio(capacity / 2);
  }
  v1::SessionCache& held = *worker.add_held();
  held.set_id("tea");
  held.set_held_tokens(1060);
  return worker;
}

TEST(CacheViewTest, TheBarHasTheSharesOfTheStates) {
  EXPECT_EQ(BlockBar(Tier(10, 0, 20, 70), 10), "[#==.......]");
  EXPECT_EQ(BlockBar(Tier(5, 5, 0, 0), 4), "[##PP]");
  EXPECT_EQ(BlockBar(Tier(0, 0, 0, 0), 10), "");
}

TEST(CacheViewTest, NoStateIsTooSmallToBeSeenAndTheBarKeepsItsWidth) {
  for (const v1::TierStats& tier :
       {Tier(1, 1, 1, 1000000), Tier(1000000, 1, 1, 1), Tier(1, 0, 0, 0), Tier(1, 1, 1, 1)}) {
    const std::string bar = BlockBar(tier, 20);
    EXPECT_EQ(bar.size(), 22U) << bar;
    EXPECT_EQ(bar.find('#') != std::string::npos, tier.blocks_in_use() > 0);
    EXPECT_EQ(bar.find('P') != std::string::npos, tier.blocks_pinned() > 0);
    EXPECT_EQ(bar.find('=') != std::string::npos, tier.blocks_evictable() > 0);
    EXPECT_EQ(bar.find('.') != std::string::npos, tier.blocks_free() > 0);
  }
}

TEST(CacheViewTest, AWorkerShowsHitsBySourceAndEvictionsByReason) {
  const std::string text = CacheText(Worker(), false);
  EXPECT_THAT(text, HasSubstr("62.5 % of 1,000 prompt tokens (session 50.0 %, prefix 12.5 %)"));
  EXPECT_THAT(text, HasSubstr("regret: 1,234 tokens"));
  EXPECT_THAT(text, HasSubstr("(1,234 quota); 5 more were forgotten"));
  EXPECT_THAT(text, HasSubstr("0.5x 25.0 %  1x 50.0 %"));
  EXPECT_THAT(text, HasSubstr("removed 1,600 tokens: capacity (100 evictions"));
  EXPECT_THAT(text, Not(HasSubstr("tea")));
  EXPECT_THAT(text, Not(HasSubstr("\033")));
}

TEST(CacheViewTest, PinsAreShownAgainstTheirBudgetAndTenantByTenant) {
  v1::WorkerCache worker = Worker();
  EXPECT_THAT(CacheText(worker, false), Not(HasSubstr("pins:"))) << "a worker that does not tell";
  worker.mutable_pin_budget()->set_limit_tokens(4096);
  worker.mutable_pin_budget()->set_guaranteed_tokens(1024);
  worker.mutable_pin_budget()->set_used_tokens(512);
  worker.mutable_pin_budget()->set_lease_expirations(3);
  v1::TenantCache& acme = *worker.add_tenants();
  acme.set_tenant("acme");
  acme.set_guaranteed_sessions(2);
  acme.set_guaranteed_tokens(1024);
  acme.set_retained_sessions(1);
  v1::TenantCache& small = *worker.add_tenants();
  small.set_tenant("small");
  small.set_kv_quota_tokens(320);
  small.set_resident_tokens(160);
  worker.add_tenants()->set_tenant("plain");
  const std::string text = CacheText(worker, false);
  EXPECT_THAT(text, HasSubstr("pins: 1,024 of 4,096 tokens guaranteed (25.0 % of the pin budget), "
                              "512 of them in use; 3 leases and 0 TTLs ended, 0 pins refused"));
  EXPECT_THAT(text, HasSubstr("acme: 2 guaranteed (1,024 tokens), 1 retained\n"));
  EXPECT_THAT(text, HasSubstr("small: 0 guaranteed (0 tokens), 0 retained; takes 160 tokens of a "
                              "quota of 320"));
  EXPECT_THAT(text, Not(HasSubstr("plain")));
}

TEST(CacheViewTest, SessionsAreShownWhenAsked) {
  EXPECT_THAT(CacheText(Worker(), true), HasSubstr("tea"));
  EXPECT_THAT(CacheText(v1::WorkerCache(), true), HasSubstr("no session"));
}

TEST(CacheViewTest, SeveralWorkersHaveASum) {
  v1::GetCacheStatsResponse response;
  *response.add_workers() = Worker();
  EXPECT_THAT(CachesText(response, false), Not(HasSubstr("all ")));
  *response.add_workers() = Worker();
  *response.add_total() = Tier(20, 0, 40, 140);
  EXPECT_THAT(CachesText(response, false), HasSubstr("all 2 workers"));
}

}  // namespace
}  // namespace pintle

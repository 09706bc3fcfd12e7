// SPDX-License-Identifier: Apache-2.0
#include "cli/event_view.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

v1::CacheEvent Eviction() {
  v1::CacheEvent event;
  event.set_kind(v1::EVICTED);
  event.set_tenant("acme");
  event.set_session("tea\033[2J");
  event.set_tokens(16);
  event.set_first_position(1024);
  event.set_tier(v1::DEVICE);
  event.set_reason(v1::CAPACITY);
  v1::EvictionRecord& record = *event.mutable_eviction();
  record.set_policy("lru");
  record.set_on_behalf_of_tenant("acme");
  record.set_on_behalf_of_session("milk");
  record.mutable_idle()->set_seconds(90);
  record.mutable_age()->set_seconds(7200);
  record.set_reuse_count(1);
  return event;
}

TEST(EventViewTest, AnEvictionSaysWhoLostWhatForWhomAndWhy) {
  const std::string line = EventLine(Eviction());
  EXPECT_THAT(line, HasSubstr("evicted 16 tokens of tea^[[2J (acme) at 1,024, device: capacity, "
                              "for milk (acme) by lru; idle 90.0 s, age 2.0 h, used again 1 time"));
}

TEST(EventViewTest, AMoveNamesBothTiersAndStoredNoReason) {
  v1::CacheEvent event = Eviction();
  event.set_kind(v1::MOVED);
  event.set_to_tier(v1::DISK);
  event.clear_eviction();
  EXPECT_THAT(EventLine(event), HasSubstr("device to disk"));
  event.set_kind(v1::STORED);
  EXPECT_THAT(EventLine(event), Not(HasSubstr("capacity")));
  event.clear_tenant();
  EXPECT_THAT(EventLine(event), HasSubstr("of somebody else"));
}

TEST(EventViewTest, AMessageIsItsLines) {
  v1::WatchCacheEventsResponse response;
  response.set_sequence(9);
  v1::WorkerCache& cache = *response.mutable_snapshot()->mutable_cache();
  cache.set_worker("w1");
  cache.set_policy("lru");
  cache.add_tiers()->set_tier(v1::DEVICE);
  cache.mutable_tiers(0)->set_blocks_total(10);
  cache.mutable_tiers(0)->set_blocks_free(4);
  EXPECT_THAT(WatchLines(response), ElementsAre("from event 9 on: worker w1, policy lru; device 0 "
                                                "tokens resident, 4 of 10 blocks free"));
  response.mutable_gap()->set_first_missing(3);
  response.mutable_gap()->set_last_missing(8);
  EXPECT_THAT(WatchLines(response), ElementsAre(HasSubstr("events 3 to 8 are missing")));
  response.mutable_events()->add_events();
  response.mutable_events()->add_events();
  EXPECT_EQ(WatchLines(response).size(), 2U);
}

v1::ExplainEvictionResponse Explanation(int victims) {
  v1::ExplainEvictionResponse explanation;
  explanation.set_worker("w1");
  explanation.set_block_tokens(16);
  explanation.set_blocks_needed(128);
  explanation.set_blocks_free(116);
  explanation.set_blocks_evicted(victims);
  explanation.set_tokens_evicted(16 * victims);
  for (int i = 0; i < victims; ++i) {
    v1::EvictionCandidate& victim = *explanation.add_victims();
    victim.set_tokens(16);
    victim.set_holders(i == 0 ? 3 : 0);
    if (i == 0) victim.add_sessions("tea");
    victim.set_why("best effort, idle for 90 s");
  }
  return explanation;
}

TEST(EventViewTest, AnExplanationReadsLikeASentence) {
  const std::string text = ExplanationText(Explanation(12), 2048, 2);
  EXPECT_THAT(text, HasSubstr("To make room for 2,048 tokens (128 blocks of 16) on w1, 12 blocks "
                              "would go beside 116 free ones, 192 tokens"));
  EXPECT_THAT(text, HasSubstr("first 16 tokens of tea and 2 more at 0, because it is best effort, "
                              "idle for 90 s;"));
  EXPECT_THAT(text, HasSubstr("then 16 tokens of no session"));
  EXPECT_THAT(text, HasSubstr("then 10 blocks more."));
}

TEST(EventViewTest, AnExplanationNamesTheGuaranteesInTheWay) {
  v1::ExplainEvictionResponse tight = Explanation(0);
  tight.set_blocks_short(2);
  tight.set_blocks_in_use(4);
  tight.set_blocks_pinned(96);
  tight.set_blocks_floored(7);
  tight.set_blockers_unnamed(1);
  v1::EvictionBlocker& tea = *tight.add_blockers();
  tea.set_tenant("acme");
  tea.set_session("tea");
  tea.set_blocks(64);
  tea.set_budget_tokens(2048);
  tea.mutable_lease_left()->set_seconds(240);
  v1::EvictionBlocker& hidden = *tight.add_blockers();
  hidden.set_blocks(32);
  hidden.set_budget_tokens(1024);
  const std::string text = ExplanationText(tight, 100, 5);
  EXPECT_THAT(text,
              HasSubstr("and 96 are pinned, up to 7 are kept by the floors of other tenants."));
  EXPECT_THAT(text,
              HasSubstr("\n3 sessions hold guarantees that no policy overrides; 96 blocks (1,536 "
                        "tokens) stay because of that: 64 blocks of tea (acme), promised 2,048 "
                        "tokens for "));
  EXPECT_THAT(text, HasSubstr(" more unless a turn comes;\n  32 blocks of somebody else, promised "
                              "1,024 tokens, a turn of it runs;\n  and of 1 session more."));
}

TEST(EventViewTest, EnoughRoomAndAShortfallSaySo) {
  EXPECT_THAT(ExplanationText(Explanation(0), 100, 5), HasSubstr("nothing would go: 116 blocks"));
  v1::ExplainEvictionResponse tight = Explanation(3);
  tight.set_blocks_short(2);
  tight.set_blocks_in_use(40);
  tight.set_blocks_pinned(5);
  EXPECT_THAT(ExplanationText(tight, 100, 5),
              HasSubstr("2 blocks cannot be had now, so nothing would go: 40 are in use by running "
                        "turns and 5 are pinned."));
}

}  // namespace
}  // namespace pintle

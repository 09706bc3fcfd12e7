// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/event_log.h"

#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"
#include "worker/kv/kv_observer_list.h"

namespace pintle::kv {
namespace {

// Eight blocks of four tokens, ten bytes each.
class EventLogTest : public KvFixture {
 protected:
  void Listen(std::int32_t events_max = 64, std::int32_t open_max = 8) {
    log_ = std::make_unique<EventLog>(EventLog::Options{8, 4, 10, open_max, events_max},
                                      cache_->tree());
    observers_.Add(log_.get());
    observers_.Add(&recorder_);
    cache_->SetObserver(&observers_);
  }
  std::vector<CacheEvent> Take() {
    std::vector<CacheEvent> events;
    log_->Take([&events](const CacheEvent& event) { events.push_back(event); });
    return events;
  }

  std::unique_ptr<EventLog> log_;
  KvObserverList observers_;
};

TEST_F(EventLogTest, AFullBlockIsToldAtOnceAndATailWhenItsTurnLetsGo) {
  Listen();
  KvSequence sequence = Begin(Key("a"), Run(1, 6));
  WriteTo(sequence, Run(1, 6));
  auto events = Take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].sequence, 1U);
  EXPECT_EQ(events[0].kind, CacheEventKind::kStored);
  EXPECT_EQ(events[0].key, Key("a"));
  EXPECT_EQ(events[0].first_position, 0);
  EXPECT_EQ(events[0].tokens, 4);
  EXPECT_EQ(events[0].bytes, 40);
  EXPECT_EQ(events[0].tier, CacheTier::kDevice);
  cache_->CommitTurn(std::move(sequence), 6, Now());
  events = Take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].sequence, 2U);
  EXPECT_EQ(events[0].first_position, 4);
  EXPECT_EQ(events[0].tokens, 2);
}

TEST_F(EventLogTest, TokensOfOneBlockAreOneEvent) {
  Listen();
  KvSequence sequence = Begin(Key("a"), Run(1, 1));
  for (std::int32_t size = 1; size <= 4; ++size) WriteTo(sequence, Run(1, size));
  const auto events = Take();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].tokens, 4);
}

TEST_F(EventLogTest, AFlushTellsOfTailsThatStillGrow) {
  Listen();
  KvSequence sequence = Begin(Key("a"), Run(1, 3));
  WriteTo(sequence, Run(1, 2));
  EXPECT_TRUE(Take().empty());
  log_->Flush();
  WriteTo(sequence, Run(1, 3));
  log_->Flush();
  log_->Flush();
  const auto events = Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].tokens, 2);
  EXPECT_EQ(events[1].first_position, 2);
  EXPECT_EQ(events[1].tokens, 1);
}

TEST_F(EventLogTest, ARemovalNamesItsReasonAndSession) {
  Listen();
  Turn(Key("a"), Run(1, 6));
  Take();
  ASSERT_TRUE(cache_->TruncateSession(Key("a"), 3, Now()).ok());
  const auto events = Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, CacheEventKind::kRemoved);
  EXPECT_EQ(events[0].reason, CacheReason::kTruncated);
  EXPECT_EQ(events[0].key, Key("a"));
  EXPECT_EQ(events[0].first_position, 4);
  EXPECT_EQ(events[0].tokens, 2);
  EXPECT_EQ(events[1].first_position, 3);
  EXPECT_EQ(events[1].tokens, 1);
}

TEST_F(EventLogTest, AnEvictionCarriesItsRecord) {
  Listen();
  Turn(Key("a"), Run(1, 10));
  const EvictionPlan plan = cache_->Plan(6, Now());
  cache_->Commit(plan, KvReason::kQuota, Key("b"), now_);
  const std::vector<EvictionRecord> records = recorder_.Take();
  ASSERT_EQ(records.size(), 1U);
  const CacheEvent event = Take().back();
  EXPECT_EQ(event.kind, CacheEventKind::kEvicted);
  EXPECT_EQ(event.at, now_);
  EXPECT_EQ(event.key, Key("a"));
  EXPECT_EQ(event.first_position, 8);
  EXPECT_EQ(event.tokens, 2);
  EXPECT_EQ(event.bytes, 20);
  EXPECT_EQ(event.reason, CacheReason::kQuota);
  EXPECT_EQ(event.eviction.number, 1U);
  EXPECT_EQ(event.eviction.sessions[0].value(), "a");
  EXPECT_EQ(event.eviction.holders, 1);
  EXPECT_EQ(event.eviction.policy, "lru");
  EXPECT_EQ(event.eviction.score, records[0].score);
  EXPECT_EQ(event.eviction.age, records[0].age);
  EXPECT_EQ(event.eviction.idle, records[0].idle);
  EXPECT_EQ(event.eviction.on_behalf_of, Key("b"));
}

TEST_F(EventLogTest, AMoveThereAndBackNamesBothTiers) {
  Listen();
  class Taker final : public KvDemoter {
   public:
    std::optional<KvTier> Demote(const DemotionOffer&, absl::Duration) override {
      return KvTier::kDisk;
    }
  } taker;
  cache_->SetDemoter(&taker);
  Turn(Key("a"), Run(1, 3));
  const EvictionPlan plan = cache_->Plan(8, Now());
  cache_->Commit(plan, KvReason::kCapacity, Key("b"), Now());
  CacheEvent event = Take().back();
  EXPECT_EQ(event.kind, CacheEventKind::kMoved);
  EXPECT_EQ(event.tier, CacheTier::kDevice);
  EXPECT_EQ(event.to, CacheTier::kDisk);
  EXPECT_EQ(event.tokens, 3);
  EXPECT_EQ(event.eviction.number, 0U);
  log_->Acting(Key("a"));
  log_->Promoted(2, 3, KvTier::kDisk, Now());
  event = Take().back();
  EXPECT_EQ(event.kind, CacheEventKind::kMoved);
  EXPECT_EQ(event.tier, CacheTier::kDisk);
  EXPECT_EQ(event.to, CacheTier::kDevice);
  EXPECT_EQ(event.key, Key("a"));
}

TEST_F(EventLogTest, ALowerTiersOwnComingsAndGoingsNameItAndTheReason) {
  Listen();
  const TenantId tenant("t");
  log_->Acting(Key("a"));
  log_->StoredLower({KvTier::kDisk, tenant, 4, 3}, absl::Seconds(7));
  const TenantId other("other");
  log_->RemovedLower({KvTier::kHost, other, 8, 2}, KvReason::kDamaged, absl::Seconds(8));
  const auto events = Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, CacheEventKind::kStored);
  EXPECT_EQ(events[0].tier, CacheTier::kDisk);
  EXPECT_EQ(events[0].key, Key("a"));
  EXPECT_EQ(events[0].block, kNoBlock);
  EXPECT_EQ(events[0].first_position, 4);
  EXPECT_EQ(events[0].tokens, 3);
  EXPECT_EQ(events[0].bytes, 30);
  EXPECT_EQ(events[0].at, absl::Seconds(7));
  EXPECT_EQ(events[1].kind, CacheEventKind::kRemoved);
  EXPECT_EQ(events[1].tier, CacheTier::kHost);
  EXPECT_EQ(events[1].reason, CacheReason::kDamaged);
  EXPECT_EQ(events[1].key, (SessionKey{other, SessionId()})) << "nobody of that tenant acts";
}

TEST_F(EventLogTest, MoreTokensAtOnceThanAnEventCountsAreSeveralEvents) {
  Listen();
  const TenantId tenant("t");
  log_->StoredLower({KvTier::kDisk, tenant, 0, std::int64_t{5} << 30}, Now());
  std::int64_t sum = 0;
  for (const CacheEvent& event : Take()) sum += event.tokens;
  EXPECT_EQ(sum, std::int64_t{5} << 30);
}

TEST_F(EventLogTest, OverflowShowsAsAGapAndIsCounted) {
  Listen(/*events_max=*/2);
  Turn(Key("a"), Run(1, 16));
  EXPECT_EQ(log_->lost(), 2);
  EXPECT_EQ(log_->last_sequence(), 4U);
  const auto events = Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].sequence, 3U);
  EXPECT_EQ(events[1].sequence, 4U);
}

TEST_F(EventLogTest, MoreOpenBlocksThanExpectedAreToldEarlyNotLost) {
  Listen(64, /*open_max=*/1);
  KvSequence a = Begin(Key("a"), Run(1, 2));
  KvSequence b = Begin(Key("b"), Run(50, 2));
  WriteTo(a, Run(1, 2));
  WriteTo(b, Run(50, 2));
  log_->Flush();
  const auto events = Take();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].key, Key("a"));
  EXPECT_EQ(events[1].key, Key("b"));
  EXPECT_EQ(events[0].tokens + events[1].tokens, 4);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "services/wire/cache_event_conversion.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

constexpr char kMine[] = "acme";

CacheEvent Eviction() {
  CacheEvent event;
  event.sequence = 9;
  event.kind = CacheEventKind::kEvicted;
  event.at = absl::Seconds(3);
  event.block = 4;
  event.key = {TenantId(kMine), SessionId("tea")};
  event.first_position = 32;
  event.tokens = 16;
  event.bytes = 160;
  event.reason = CacheReason::kQuota;
  event.eviction.number = 2;
  event.eviction.sessions[0] = SessionId("tea");
  event.eviction.sessions[1] = SessionId("milk");
  event.eviction.holders = 2;
  event.eviction.policy = "lru";
  event.eviction.score = 1.5;
  event.eviction.age = absl::Seconds(60);
  event.eviction.idle = absl::Seconds(30);
  event.eviction.reuse_count = 7;
  event.eviction.on_behalf_of = {TenantId("other"), SessionId("secret")};
  return event;
}

v1::CacheEvent Proto(const CacheEvent& event, const CacheSight& sight) {
  v1::CacheEvent out;
  ToProto(
      event, sight, [](absl::Duration at) { return absl::FromUnixSeconds(100) + at; }, &out);
  return out;
}

TEST(CacheEventConversionTest, AnEvictionSaysEverythingToTheAdmin) {
  const v1::CacheEvent event = Proto(Eviction(), CacheSight{true, TenantId()});
  EXPECT_EQ(event.sequence(), 9U);
  EXPECT_EQ(event.kind(), v1::EVICTED);
  EXPECT_EQ(event.at().seconds(), 103);
  EXPECT_EQ(event.block(), 4);
  EXPECT_EQ(event.tenant(), kMine);
  EXPECT_EQ(event.session(), "tea");
  EXPECT_EQ(event.first_position(), 32);
  EXPECT_EQ(event.tokens(), 16);
  EXPECT_EQ(event.bytes(), 160);
  EXPECT_EQ(event.tier(), v1::DEVICE);
  EXPECT_EQ(event.reason(), v1::QUOTA);
  EXPECT_EQ(event.eviction().number(), 2U);
  ASSERT_EQ(event.eviction().sessions_size(), 2);
  EXPECT_EQ(event.eviction().sessions(1), "milk");
  EXPECT_EQ(event.eviction().holders(), 2);
  EXPECT_EQ(event.eviction().policy(), "lru");
  EXPECT_EQ(event.eviction().score(), 1.5);
  EXPECT_EQ(event.eviction().age().seconds(), 60);
  EXPECT_EQ(event.eviction().idle().seconds(), 30);
  EXPECT_EQ(event.eviction().reuse_count(), 7);
  EXPECT_EQ(event.eviction().on_behalf_of_session(), "secret");
}

TEST(CacheEventConversionTest, ATenantSeesItsOwnNamesAndOthersFiguresOnly) {
  const v1::CacheEvent mine = Proto(Eviction(), CacheSight{false, TenantId(kMine)});
  EXPECT_EQ(mine.session(), "tea");
  EXPECT_EQ(mine.eviction().on_behalf_of_session(), "");
  const v1::CacheEvent theirs = Proto(Eviction(), CacheSight{false, TenantId("third")});
  EXPECT_EQ(theirs.tokens(), 16);
  EXPECT_EQ(theirs.DebugString().find("tea"), std::string::npos);
  EXPECT_EQ(theirs.DebugString().find("secret"), std::string::npos);
  EXPECT_EQ(theirs.DebugString().find(kMine), std::string::npos);
}

TEST(CacheEventConversionTest, AStoredEventHasNoReasonAndNoRecord) {
  CacheEvent event = Eviction();
  event.kind = CacheEventKind::kStored;
  const v1::CacheEvent out = Proto(event, CacheSight{true, TenantId()});
  EXPECT_EQ(out.kind(), v1::STORED);
  EXPECT_EQ(out.reason(), v1::REMOVAL_REASON_UNSPECIFIED);
  EXPECT_FALSE(out.has_eviction());
}

TEST(CacheEventConversionTest, AMoveNamesBothTiersAndDownwardsItsVictim) {
  CacheEvent event = Eviction();
  event.kind = CacheEventKind::kMoved;
  event.to = CacheTier::kDisk;
  v1::CacheEvent out = Proto(event, CacheSight{true, TenantId()});
  EXPECT_EQ(out.tier(), v1::DEVICE);
  EXPECT_EQ(out.to_tier(), v1::DISK);
  EXPECT_TRUE(out.has_eviction());
  std::swap(event.tier, event.to);
  out = Proto(event, CacheSight{true, TenantId()});
  EXPECT_EQ(out.to_tier(), v1::DEVICE);
  EXPECT_FALSE(out.has_eviction());
}

TEST(CacheEventConversionTest, AnExplanationHidesOthersSessions) {
  EvictionExplanation explanation;
  explanation.policy = std::string("lru");
  explanation.blocks_needed = 3;
  explanation.blocks_short = 1;
  ExplainedVictim victim;
  victim.tenant = TenantId(kMine);
  victim.sessions = {SessionId("tea")};
  victim.tokens = 16;
  victim.why = std::string("idle");
  explanation.victims = {victim};
  v1::ExplainEvictionResponse mine;
  ToProto(explanation, CacheSight{false, TenantId(kMine)}, &mine);
  EXPECT_EQ(mine.blocks_needed(), 3);
  EXPECT_EQ(mine.blocks_short(), 1);
  ASSERT_EQ(mine.victims_size(), 1);
  EXPECT_EQ(mine.victims(0).sessions(0), "tea");
  EXPECT_EQ(mine.victims(0).why(), "idle");
  v1::ExplainEvictionResponse theirs;
  ToProto(explanation, CacheSight{false, TenantId("other")}, &theirs);
  EXPECT_EQ(theirs.victims(0).sessions_size(), 0);
  EXPECT_EQ(theirs.victims(0).tenant(), "");
  EXPECT_EQ(theirs.victims(0).tokens(), 16);
}

TEST(CacheEventConversionTest, GuaranteesInTheWayAreCountedForAllAndNamedForTheirOwn) {
  EvictionExplanation explanation;
  explanation.blocks_floored = 5;
  explanation.blockers_unnamed = 2;
  const SessionKey tea{TenantId(kMine), SessionId("tea")};
  explanation.blockers = {{tea, 7, 128, absl::Seconds(90)}, {tea, 6, 64}};
  v1::ExplainEvictionResponse mine;
  ToProto(explanation, CacheSight{false, TenantId(kMine)}, &mine);
  EXPECT_EQ(mine.blocks_floored(), 5);
  EXPECT_EQ(mine.blockers_unnamed(), 2);
  ASSERT_EQ(mine.blockers_size(), 2);
  EXPECT_EQ(mine.blockers(0).session(), "tea");
  EXPECT_EQ(mine.blockers(0).blocks(), 7);
  EXPECT_EQ(mine.blockers(0).budget_tokens(), 128);
  EXPECT_EQ(mine.blockers(0).lease_left().seconds(), 90);
  EXPECT_FALSE(mine.blockers(1).has_lease_left()) << "a turn of it runs";
  v1::ExplainEvictionResponse theirs;
  ToProto(explanation, CacheSight{false, TenantId("other")}, &theirs);
  EXPECT_EQ(theirs.blockers(0).tenant() + theirs.blockers(0).session(), "");
  EXPECT_EQ(theirs.blockers(0).blocks(), 7);
}

TEST(CacheEventConversionTest, OthersTenantsAreDropped) {
  v1::WorkerCache cache;
  cache.add_tenants()->set_tenant("other");
  cache.add_tenants()->set_tenant(kMine);
  KeepSeen(CacheSight{false, TenantId(kMine)}, &cache);
  ASSERT_EQ(cache.tenants_size(), 1);
  EXPECT_EQ(cache.tenants(0).tenant(), kMine);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/wire/cache_conversion.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace pintle {
namespace {

CacheReport Report() {
  CacheReport report;
  report.worker = WorkerId(std::string("w"));
  report.model = std::string("m");
  report.policy = std::string("lru");
  report.block_tokens = 32;
  report.bytes_per_token = 64;
  for (const CacheTier tier : {CacheTier::kDevice, CacheTier::kHost, CacheTier::kDisk}) {
    TierReport row{tier, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, {}};
    for (int reason = 0; reason <= static_cast<int>(CacheReason::kOverwritten); ++reason) {
      row.removed.push_back({static_cast<CacheReason>(reason), reason + 1, 2, 3});
    }
    report.tiers.push_back(row);
  }
  report.tokens_attached = 11;
  report.tokens_held = 12;
  report.detached = {{CacheReason::kTruncated, 1, 0, 0}};
  report.prefix_query_tokens = 13;
  report.hit_tokens_session = 14;
  report.hit_tokens_prefix = 15;
  report.sessions = {{{TenantId("t"), SessionId("s")}, 1, 2, 3, absl::Seconds(4)}};
  report.age = absl::Milliseconds(250);
  report.regret = {{CacheReason::kQuota, 5}};
  report.regret_overflow_tokens = 6;
  report.expected_hits = {{0.5, 0.25}, {1, 0.5}};
  report.evictions = {{"lru", CacheReason::kCapacity, CacheTier::kDisk, 1, 2, 3}};
  report.tenants = {{TenantId("t"), 2, 3, 4, 5, 6, 7, 8, 9}};
  report.pin_budget = {1, 2, 3, 4, 5, 6};
  report.session_counts = {{PinKind::kBestEffort, SessionState::kRunning, 1},
                           {PinKind::kGuaranteed, SessionState::kCold, 2}};
  return report;
}

TEST(CacheConversionTest, AReportSurvivesTheWire) {
  v1::WorkerCache proto;
  ToProto(Report(), &proto);
  EXPECT_EQ(FromProto(proto, TenantId("t")), Report());
}

TEST(CacheConversionTest, ReasonsKeepTheirNames) {
  v1::WorkerCache proto;
  ToProto(Report(), &proto);
  ASSERT_EQ(proto.tiers(0).removed_size(), 14);
  EXPECT_EQ(proto.tiers(0).removed(0).reason(), v1::CAPACITY);
  EXPECT_EQ(proto.tiers(0).removed(4).reason(), v1::PREEMPTED);
  EXPECT_EQ(proto.tiers(0).removed(13).reason(), v1::OVERWRITTEN);
  EXPECT_EQ(proto.tiers(2).tier(), v1::DISK);
}

TEST(CacheConversionTest, RowsOfANewerPeerAreLeftOut) {
  v1::WorkerCache proto;
  proto.add_tiers()->set_tier(static_cast<v1::Tier>(9));
  proto.add_tiers();
  proto.add_tiers()->set_tier(v1::DEVICE);
  proto.mutable_tiers(2)->add_removed()->set_reason(static_cast<v1::RemovalReason>(99));
  proto.add_session_counts()->set_pin(static_cast<v1::PinKind>(9));
  proto.add_session_counts()->set_state(v1::IDLE);
  const CacheReport report = FromProto(proto, TenantId("t"));
  ASSERT_EQ(report.tiers.size(), 1U);
  EXPECT_TRUE(report.tiers[0].removed.empty());
  EXPECT_TRUE(report.session_counts.empty());
}

}  // namespace
}  // namespace pintle

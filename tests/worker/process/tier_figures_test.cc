// SPDX-License-Identifier: Apache-2.0
#include "worker/process/tier_figures.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(TierFiguresTest, TheDevicesRowIsTheCachesOwnFigures) {
  EngineSnapshot snapshot;
  snapshot.kv.blocks_total = 10;
  snapshot.kv.blocks = {4, 3, 2, 1};
  snapshot.kv.physical.added = 100;
  snapshot.kv.physical.moved_in = 7;
  snapshot.kv.physical.moved_out = 5;
  snapshot.kv.physical.removed[kv::At(kv::KvReason::kQuota)] = 30;
  snapshot.kv.physical.present = 72;
  snapshot.kv.evictions[kv::At(kv::KvReason::kQuota)] = 2;
  snapshot.kv.evicted_bytes[kv::At(kv::KvReason::kQuota)] = 300;
  const auto tiers = TiersOf(snapshot);
  ASSERT_FALSE(tiers.empty());
  const TierReport report = tiers[0].Report();
  EXPECT_EQ(report.tier, CacheTier::kDevice);
  EXPECT_EQ(report.blocks_free + report.blocks_in_use + report.blocks_evictable +
                report.blocks_pinned,
            report.blocks_total);
  EXPECT_EQ(report.removed, (std::vector<RemovedTokens>{{CacheReason::kQuota, 30, 2, 300}}));
  EXPECT_EQ(report.tokens_stored + report.tokens_moved_in - report.tokens_moved_out - 30,
            report.tokens_resident);
}

}  // namespace
}  // namespace pintle

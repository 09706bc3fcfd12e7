// SPDX-License-Identifier: Apache-2.0
#include "contract/cache_report.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TierReport Tier(CacheTier tier, std::int64_t first) {
  TierReport report;
  report.tier = tier;
  std::int64_t value = first;
  for (std::int64_t* field :
       {&report.capacity_bytes, &report.blocks_total, &report.blocks_free, &report.blocks_in_use,
        &report.blocks_evictable, &report.blocks_pinned, &report.tokens_resident,
        &report.tokens_stored, &report.tokens_moved_in, &report.tokens_moved_out}) {
    *field = value++;
  }
  return report;
}

TEST(SumTiersTest, AddsEveryFigureOfATier) {
  CacheReport first, second;
  first.tiers = {Tier(CacheTier::kDevice, 100)};
  second.tiers = {Tier(CacheTier::kDevice, 1000)};
  const std::vector<TierReport> sum = SumTiers({first, second});
  ASSERT_EQ(sum.size(), 1u);
  EXPECT_EQ(sum[0].capacity_bytes, 1100);
  EXPECT_EQ(sum[0].blocks_total, 1102);
  EXPECT_EQ(sum[0].blocks_free, 1104);
  EXPECT_EQ(sum[0].blocks_in_use, 1106);
  EXPECT_EQ(sum[0].blocks_evictable, 1108);
  EXPECT_EQ(sum[0].blocks_pinned, 1110);
  EXPECT_EQ(sum[0].tokens_resident, 1112);
  EXPECT_EQ(sum[0].tokens_stored, 1114);
  EXPECT_EQ(sum[0].tokens_moved_in, 1116);
  EXPECT_EQ(sum[0].tokens_moved_out, 1118);
}

TEST(SumTiersTest, KeepsTiersAndReasonsApart) {
  CacheReport first, second;
  first.tiers = {Tier(CacheTier::kDevice, 0), Tier(CacheTier::kDisk, 0)};
  first.tiers[0].removed = {{CacheReason::kCapacity, 10, 1, 100}};
  second.tiers = {Tier(CacheTier::kDevice, 0)};
  second.tiers[0].removed = {{CacheReason::kTruncated, 5, 0, 0},
                             {CacheReason::kCapacity, 20, 2, 200}};
  const std::vector<TierReport> sum = SumTiers({first, second});
  ASSERT_EQ(sum.size(), 2u);
  EXPECT_THAT(sum[0].removed,
              testing::UnorderedElementsAre(RemovedTokens{CacheReason::kCapacity, 30, 3, 300},
                                            RemovedTokens{CacheReason::kTruncated, 5, 0, 0}));
  EXPECT_EQ(sum[1], first.tiers[1]);
}

TEST(SumTiersTest, OfNothingIsNothing) {
  EXPECT_TRUE(SumTiers({}).empty());
  EXPECT_TRUE(SumTiers({CacheReport()}).empty());
}

}  // namespace
}  // namespace pintle

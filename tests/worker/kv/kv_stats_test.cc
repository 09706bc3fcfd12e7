// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_stats.h"

#include <set>
#include <string>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(KvStatsTest, EveryReasonHasItsOwnNameAndFiveAreEvictions) {
  std::set<std::string> names;
  int evictions = 0;
  for (std::size_t i = 0; i < kKvReasons; ++i) {
    const auto reason = static_cast<KvReason>(i);
    names.insert(std::string(KvReasonName(reason)));
    evictions += IsEviction(reason) ? 1 : 0;
  }
  EXPECT_EQ(names.size(), kKvReasons);
  EXPECT_FALSE(names.contains("UNKNOWN"));
  EXPECT_EQ(evictions, 5);
  EXPECT_FALSE(IsEviction(KvReason::kSessionDeleted));
}

TEST(KvStatsTest, AHistogramCountsEachValueInTheBucketWhoseBoundHoldsIt) {
  KvHistogram histogram;
  histogram.Observe(absl::Milliseconds(10));
  histogram.Observe(absl::Milliseconds(11));
  histogram.Observe(absl::Hours(100));
  EXPECT_EQ(histogram.counts.front(), 1);
  EXPECT_EQ(histogram.counts[1], 1);
  EXPECT_EQ(histogram.counts.back(), 1);
  EXPECT_EQ(histogram.count, 3);
  EXPECT_NEAR(histogram.sum_seconds, 360000.021, 1e-6);
}

}  // namespace
}  // namespace pintle::kv

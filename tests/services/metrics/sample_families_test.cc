// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/sample_families.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(SampleFamiliesTest, SamplesOfOneNameMakeOneFamilyWithTheTablesTypeAndHelp) {
  SampleFamilies samples;
  samples.Add("pintle_requests_running", {{"model", "a"}}, 1);
  samples.Add("pintle_requests_running", {{"model", "b"}}, 2);
  const auto families = samples.Take();
  ASSERT_EQ(families.size(), 1u);
  EXPECT_EQ(families[0].type, prometheus::MetricType::Gauge);
  EXPECT_FALSE(families[0].help.empty());
  EXPECT_EQ(families[0].metric[1].gauge.value, 2);
}

TEST(SampleFamiliesTest, HistogramsAreCumulativeAndEndAtInfinity) {
  SampleFamilies samples;
  samples.AddHistogram("pintle_request_queue_seconds", {{"model", "a"}}, {0.1, 1.0}, {3, 0, 2}, 9);
  const auto families = samples.Take();
  const auto& histogram = families[0].metric[0].histogram;
  ASSERT_EQ(histogram.bucket.size(), 3u);
  EXPECT_EQ(histogram.bucket[0].cumulative_count, 3u);
  EXPECT_EQ(histogram.bucket[1].cumulative_count, 3u);
  EXPECT_EQ(histogram.bucket[2].cumulative_count, 5u);
  EXPECT_EQ(histogram.sample_count, 5u);
  EXPECT_EQ(histogram.sample_sum, 9);
}

TEST(SampleFamiliesDeathTest, ALabelThatIsNotInTheTableIsAProgrammersError) {
  SampleFamilies samples;
  EXPECT_DEATH(samples.Add("pintle_requests_running", {{"session", "s"}}, 1), "labels not in its");
  EXPECT_DEATH(samples.Add("pintle_no_such_metric", {}, 1), "not in the table");
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/turn_metrics.h"

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

RequestRecord Record(std::int64_t prompt, std::int64_t cached) {
  RequestRecord record;
  record.prompt_tokens = prompt;
  record.cached_tokens = cached;
  record.queue = absl::Milliseconds(2);
  record.time_to_first_token = absl::Milliseconds(30);
  record.duration = absl::Seconds(1);
  return record;
}

const prometheus::MetricFamily* Find(const std::vector<prometheus::MetricFamily>& families,
                                     const std::string& name) {
  for (const auto& family : families) {
    if (family.name == name) return &family;
  }
  return nullptr;
}

std::string LabelOf(const prometheus::ClientMetric& metric, const std::string& name) {
  for (const auto& label : metric.label) {
    if (label.name == name) return label.value;
  }
  return "";
}

TEST(TurnMetricsTest, FirstTokensAreToldApartByWhatWasCached) {
  TurnMetrics metrics("m");
  metrics.OnEnd(Record(100, 0));
  metrics.OnEnd(Record(100, 49));
  metrics.OnEnd(Record(100, 50));
  metrics.OnEnd(Record(100, 99));
  SampleFamilies samples;
  metrics.Collect(samples, true);
  const auto families = samples.Take();
  const auto* family = Find(families, "pintle_time_to_first_token_seconds");
  ASSERT_NE(family, nullptr);
  std::map<std::string, std::uint64_t> counts;
  for (const auto& metric : family->metric) {
    counts[LabelOf(metric, "cache")] = metric.histogram.sample_count;
  }
  const std::map<std::string, std::uint64_t> expected = {{"miss", 1}, {"partial", 1}, {"hit", 2}};
  EXPECT_EQ(counts, expected);
}

TEST(TurnMetricsTest, RefusalsAreCountedByReasonAndDurationsByCode) {
  TurnMetrics metrics("m");
  RequestRecord refused;
  refused.status = MakeError(Reason::kQueueFull, "full");
  metrics.OnEnd(refused);
  RequestRecord faulty;
  faulty.status = InvalidField("n", "is 9");
  metrics.OnEnd(faulty);
  SampleFamilies samples;
  metrics.Collect(samples, false);
  const auto families = samples.Take();
  const auto* rejections = Find(families, "pintle_admission_rejections_total");
  ASSERT_NE(rejections, nullptr);
  ASSERT_EQ(rejections->metric.size(), 1u) << "a faulty request is no refusal for want of room";
  EXPECT_EQ(LabelOf(rejections->metric[0], "reason"), "QUEUE_FULL");
  EXPECT_EQ(rejections->metric[0].counter.value, 1);
  EXPECT_EQ(Find(families, "pintle_request_duration_seconds")->metric.size(), 2u);
  EXPECT_EQ(Find(families, "pintle_inter_token_latency_seconds"), nullptr);
}

TEST(TurnMetricsTest, ADeliveryOfSeveralTokensCountsEachAtItsShareOfTheGap) {
  TurnMetrics metrics("m");
  metrics.OnTokens(absl::Milliseconds(40), 4);
  SampleFamilies samples;
  metrics.Collect(samples, true);
  const auto families = samples.Take();
  const auto& histogram =
      Find(families, "pintle_inter_token_latency_seconds")->metric[0].histogram;
  EXPECT_EQ(histogram.sample_count, 4u);
  EXPECT_NEAR(histogram.sample_sum, 0.04, 1e-9);
  for (const auto& bucket : histogram.bucket) {
    EXPECT_EQ(bucket.cumulative_count, bucket.upper_bound >= 0.01 ? 4u : 0u);
  }
}

}  // namespace
}  // namespace pintle

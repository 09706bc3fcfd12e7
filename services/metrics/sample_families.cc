// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/sample_families.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_join.h"
#include "contract/check.h"
#include "services/metrics/metric_table.h"

namespace pintle {
namespace {

prometheus::MetricType TypeOf(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return prometheus::MetricType::Counter;
    case MetricType::kGauge: return prometheus::MetricType::Gauge;
    case MetricType::kHistogram: return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

}  // namespace

prometheus::ClientMetric& SampleFamilies::NewMetric(absl::string_view name,
                                                    const MetricLabels& labels) {
  const MetricRow& row = MetricOf(name);
  std::vector<std::string> given;
  for (const auto& [label, value] : labels) given.push_back(label);
  std::sort(given.begin(), given.end());
  PINTLE_CHECK(absl::StrJoin(given, ",") == row.labels, "a metric with labels not in its row");
  auto family = std::find_if(families_.begin(), families_.end(),
                             [name](const auto& candidate) { return candidate.name == name; });
  if (family == families_.end()) {
    families_.push_back({std::string(name), std::string(row.help), TypeOf(row.type), {}});
    family = families_.end() - 1;
  }
  prometheus::ClientMetric& metric = family->metric.emplace_back();
  for (const auto& [label, value] : labels) metric.label.push_back({label, value});
  return metric;
}

void SampleFamilies::Add(absl::string_view name, const MetricLabels& labels, double value) {
  prometheus::ClientMetric& metric = NewMetric(name, labels);
  if (MetricOf(name).type == MetricType::kCounter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
}

void SampleFamilies::AddHistogram(absl::string_view name, const MetricLabels& labels,
                                  absl::Span<const double> bounds,
                                  absl::Span<const std::int64_t> counts, double sum) {
  PINTLE_CHECK(counts.size() == bounds.size() + 1, "a histogram has one bucket above all bounds");
  prometheus::ClientMetric& metric = NewMetric(name, labels);
  std::uint64_t cumulative = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    cumulative += static_cast<std::uint64_t>(counts[i]);
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    metric.histogram.bucket.push_back({cumulative, bound});
  }
  metric.histogram.sample_count = cumulative;
  metric.histogram.sample_sum = sum;
}

}  // namespace pintle

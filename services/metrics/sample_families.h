// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_METRICS_SAMPLE_FAMILIES_H_
#define PINTLE_SERVICES_METRICS_SAMPLE_FAMILIES_H_

#include <prometheus/metric_family.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pintle {

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Builds one scrape's families from figures that live elsewhere, so that a counter of the KV cache
// and its metric can never disagree. Names, types and help come from the metric table.
// Thread: a value of one scrape.
// Fails: a name or a label set that the table does not have is a programmer's error.
class SampleFamilies {
 public:
  void Add(absl::string_view name, const MetricLabels& labels, double value);
  // `counts[i]` are the observations in (bounds[i-1], bounds[i]], the last those above all bounds.
  void AddHistogram(absl::string_view name, const MetricLabels& labels,
                    absl::Span<const double> bounds, absl::Span<const std::int64_t> counts,
                    double sum);

  std::vector<prometheus::MetricFamily> Take() { return std::move(families_); }

 private:
  prometheus::ClientMetric& NewMetric(absl::string_view name, const MetricLabels& labels);

  std::vector<prometheus::MetricFamily> families_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_METRICS_SAMPLE_FAMILIES_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_METRICS_METRIC_TABLE_H_
#define PINTLE_SERVICES_METRICS_METRIC_TABLE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace pintle {

enum class MetricType { kCounter, kGauge, kHistogram };

// One metric as dashboards and alerts may rely on it. The table is the one place that names them:
// the exposition, the documentation and the tests of deploy/ all read it.
struct MetricRow {
  absl::string_view name;  // with the prefix pintle_
  MetricType type;
  absl::string_view labels;  // comma-separated, a closed set; "" for none
  absl::string_view help;
  bool worker;
  bool coordinator;
};

absl::Span<const MetricRow> MetricTable();
// The row of a name. Requires: the name is in the table.
const MetricRow& MetricOf(absl::string_view name);
absl::string_view MetricTypeName(MetricType type);

}  // namespace pintle

#endif  // PINTLE_SERVICES_METRICS_METRIC_TABLE_H_

// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/metric_table.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(MetricTableTest, NamesFollowTheRulesOfPrometheus) {
  std::set<std::string> seen;
  for (const MetricRow& row : MetricTable()) {
    const std::string name(row.name);
    EXPECT_TRUE(seen.insert(name).second) << name << " is named twice";
    EXPECT_TRUE(absl::StartsWith(name, "pintle_")) << name;
    EXPECT_EQ(absl::EndsWith(name, "_total"), row.type == MetricType::kCounter) << name;
    EXPECT_FALSE(row.help.empty()) << name;
    EXPECT_TRUE(row.worker || row.coordinator) << name;
    EXPECT_EQ(&MetricOf(name), &row);
  }
}

TEST(MetricTableTest, LabelsAreAClosedSortedSetWithoutIdentities) {
  const std::set<std::string> allowed = {
      "cache", "capacity", "code",   "device", "dtype",  "fingerprint", "kv_dtype", "model",
      "operation", "pin",  "policy", "reason", "source", "state",       "tier",     "version"};
  for (const MetricRow& row : MetricTable()) {
    const std::vector<std::string> labels = absl::StrSplit(row.labels, ',', absl::SkipEmpty());
    EXPECT_TRUE(std::is_sorted(labels.begin(), labels.end())) << row.name;
    for (const std::string& label : labels) EXPECT_TRUE(allowed.contains(label)) << label;
  }
}

}  // namespace
}  // namespace pintle

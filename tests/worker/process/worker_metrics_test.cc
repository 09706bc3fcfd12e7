// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_metrics.h"

#include <map>
#include <string>

#include "gtest/gtest.h"
#include "services/metrics/metric_table.h"

namespace pintle {
namespace {

EngineSnapshot Snapshot() {
  EngineSnapshot snapshot;
  snapshot.turns_running = 3;
  kv::KvStats& stats = snapshot.kv;
  stats.policy = "lru";
  stats.block_tokens = 16;
  stats.blocks_total = 10;
  stats.blocks = {4, 3, 2, 1};
  stats.physical.added = 100;
  stats.physical.present = 60;
  stats.physical.removed[kv::At(kv::KvReason::kCapacity)] = 30;
  stats.physical.removed[kv::At(kv::KvReason::kRolledBack)] = 10;
  stats.evictions[kv::At(kv::KvReason::kCapacity)] = 2;
  stats.evicted_tokens[kv::At(kv::KvReason::kCapacity)] = 30;
  return snapshot;
}

TEST(WorkerMetricsTest, EveryFigureIsARowOfTheTableThatWorkersHave) {
  ModelInfo model;
  model.name = "m";
  const WorkerMetrics metrics(model);
  SampleFamilies families;
  metrics.Collect(Snapshot(), families);
  std::map<std::string, double> evictions;
  for (const prometheus::MetricFamily& family : families.Take()) {
    EXPECT_TRUE(MetricOf(family.name).worker) << family.name;
    if (family.name != "pintle_kv_evictions_total") continue;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) {
        if (label.name == "reason") evictions[label.value] = metric.counter.value;
      }
    }
  }
  EXPECT_EQ(evictions.at("CAPACITY"), 2);
  EXPECT_EQ(evictions.at("PREEMPTED"), 0) << "a reason is there before its first eviction";
  EXPECT_FALSE(evictions.contains("ROLLED_BACK")) << "a removal is no eviction";
}

TEST(WorkerMetricsTest, TheCacheReportTellsTheSameAndItsLedgerBalances) {
  ModelInfo model;
  model.name = "m";
  const CacheReport report = CacheReportOf(WorkerId("w"), model, Snapshot().kv);
  ASSERT_EQ(report.tiers.size(), 1u);
  const TierReport& tier = report.tiers[0];
  EXPECT_EQ(tier.blocks_free + tier.blocks_in_use + tier.blocks_evictable + tier.blocks_pinned,
            tier.blocks_total);
  std::int64_t removed = 0;
  for (const RemovedTokens& row : tier.removed) removed += row.tokens;
  EXPECT_EQ(tier.tokens_stored - removed, tier.tokens_resident);
  EXPECT_EQ(report.policy, "lru");
}

}  // namespace
}  // namespace pintle

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
  snapshot.insight.evictions = {
      {"lru", kv::KvReason::kCapacity, kv::KvTier::kDevice, 2, 30, 300},
      {"fifo", kv::KvReason::kCapacity, kv::KvTier::kDevice, 5, 50, 500}};
  snapshot.insight.regret_tokens[kv::At(kv::KvReason::kCapacity)] = 11;
  snapshot.insight.regret_overflow_tokens = 4;
  snapshot.insight.expected_hit_ratios = {0.1, 0.2, 0.3, 0.4};
  return snapshot;
}

TEST(WorkerMetricsTest, EveryFigureIsARowOfTheTableThatWorkersHave) {
  ModelInfo model;
  model.name = "m";
  const WorkerMetrics metrics(model);
  SampleFamilies families;
  metrics.Collect(Snapshot(), families);
  std::map<std::string, double> evictions;
  std::map<std::string, double> expected;
  double of_fifo = 0;
  for (const prometheus::MetricFamily& family : families.Take()) {
    EXPECT_TRUE(MetricOf(family.name).worker) << family.name;
    for (const auto& metric : family.metric) {
      if (family.name == "pintle_kv_expected_hit_ratio") {
        expected[metric.label[0].value] = metric.gauge.value;
      }
      if (family.name != "pintle_kv_evictions_total") continue;
      if (metric.label[1].value == "fifo") {
        of_fifo += metric.counter.value;
        continue;
      }
      for (const auto& label : metric.label) {
        if (label.name == "reason") evictions[label.value] = metric.counter.value;
      }
    }
  }
  EXPECT_EQ(evictions.at("CAPACITY"), 2);
  EXPECT_EQ(evictions.at("PREEMPTED"), 0) << "a reason is there before its first eviction";
  EXPECT_EQ(of_fifo, 5) << "an earlier policy keeps its counters";
  EXPECT_EQ(expected, (std::map<std::string, double>{
                          {"0.5", 0.1}, {"1", 0.2}, {"2", 0.3}, {"4", 0.4}}));
  EXPECT_FALSE(evictions.contains("ROLLED_BACK")) << "a removal is no eviction";
}

TEST(WorkerMetricsTest, PinsAreCountedByKindAndStateAndAgainstTheirBudget) {
  EngineSnapshot snapshot = Snapshot();
  kv::KvStats& stats = snapshot.kv;
  stats.sessions_by_pin = {{{1, 2, 3, 4}, {5, 6, 7, 8}, {9, 10, 11, 0}}};
  stats.pin_budget_tokens = 1000;
  stats.guaranteed_tokens = 800;
  stats.guaranteed_used_tokens = 600;
  stats.lease_expirations = 3;
  stats.ttl_expirations = 2;
  stats.pin_rejections = 1;
  ModelInfo model;
  model.name = "m";
  SampleFamilies families;
  WorkerMetrics(model).Collect(snapshot, families);
  std::map<std::string, double> sessions;
  std::map<std::string, double> pins;
  for (const prometheus::MetricFamily& family : families.Take()) {
    for (const auto& metric : family.metric) {
      if (family.name == "pintle_sessions") {
        sessions[metric.label[1].value + " " + metric.label[2].value] = metric.gauge.value;
      } else if (family.name.starts_with("pintle_pin_") ||
                 family.name.starts_with("pintle_session_")) {
        pins[family.name] = metric.gauge.value + metric.counter.value;
      }
    }
  }
  EXPECT_EQ(sessions.size(), 12U);
  EXPECT_EQ(sessions.at("best_effort running"), 1);
  EXPECT_EQ(sessions.at("retained expired"), 7);
  EXPECT_EQ(sessions.at("guaranteed idle"), 10);
  EXPECT_EQ(pins, (std::map<std::string, double>{{"pintle_pin_budget_tokens", 1000},
                                                 {"pintle_pin_guaranteed_tokens", 800},
                                                 {"pintle_pin_used_tokens", 600},
                                                 {"pintle_pin_rejections_total", 1},
                                                 {"pintle_session_lease_expirations_total", 3},
                                                 {"pintle_session_ttl_expirations_total", 2}}));
  const CacheReport report = CacheReportOf(WorkerId("w"), model, snapshot);
  EXPECT_EQ(report.pin_budget, (PinBudgetReport{1000, 800, 600, 3, 2, 1}));
  EXPECT_EQ(report.session_counts.size(), 11U) << "what nobody is, is left out";
}

TEST(WorkerMetricsTest, ATiersFailuresAreCountedByOperation) {
  EngineSnapshot snapshot = Snapshot();
  snapshot.tiers.emplace_back();
  snapshot.tiers[0].read_failures = 2;
  snapshot.tiers[0].write_failures = 3;
  ModelInfo model;
  SampleFamilies families;
  WorkerMetrics(model).Collect(snapshot, families);
  std::map<std::string, double> failures;
  for (const prometheus::MetricFamily& family : families.Take()) {
    if (family.name != "pintle_kv_tier_failures_total") continue;
    for (const auto& metric : family.metric) {
      failures[metric.label[1].value] = metric.counter.value;
    }
  }
  EXPECT_EQ(failures, (std::map<std::string, double>{{"read", 2}, {"write", 3}}));
}

TEST(WorkerMetricsTest, TheCacheReportTellsTheSameAndItsLedgerBalances) {
  ModelInfo model;
  model.name = "m";
  const CacheReport report = CacheReportOf(WorkerId("w"), model, Snapshot());
  ASSERT_EQ(report.tiers.size(), 1u);
  const TierReport& tier = report.tiers[0];
  EXPECT_EQ(tier.blocks_free + tier.blocks_in_use + tier.blocks_evictable + tier.blocks_pinned,
            tier.blocks_total);
  std::int64_t removed = 0;
  for (const RemovedTokens& row : tier.removed) removed += row.tokens;
  EXPECT_EQ(tier.tokens_stored - removed, tier.tokens_resident);
  EXPECT_EQ(report.policy, "lru");
  EXPECT_EQ(report.regret, (std::vector<RegretReport>{{CacheReason::kCapacity, 11}}));
  EXPECT_EQ(report.regret_overflow_tokens, 4);
  EXPECT_EQ(report.expected_hits[2], (ExpectedHits{2, 0.3}));
  EXPECT_EQ(report.evictions.size(), 2U);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "worker/process/tier_figures.h"

namespace pintle {
namespace {

constexpr std::array<const char*, kv::kBlockStates> kStateNames = {"free", "in_use", "evictable",
                                                                   "pinned"};
// In the order of PinKind and KvSessionState.
constexpr std::array<const char*, kv::kPinKinds> kPinNames = {"best_effort", "retained",
                                                              "guaranteed"};
constexpr std::array<const char*, kv::kSessionStates> kSessionStateNames = {"running", "idle",
                                                                            "expired", "cold"};
constexpr std::array<const char*, kv::HitForecast::kCapacities.size()> kCapacityNames = {"0.5", "1",
                                                                                         "2", "4"};

double Value(std::int64_t count) { return static_cast<double>(count); }

std::string Name(kv::KvReason reason) { return std::string(kv::KvReasonName(reason)); }
std::string Name(kv::KvTier tier) { return std::string(kv::KvTierName(tier)); }

constexpr std::array<kv::KvReason, kv::kKvReasons> AllReasons() {
  std::array<kv::KvReason, kv::kKvReasons> reasons{};
  for (std::size_t i = 0; i < reasons.size(); ++i) reasons[i] = static_cast<kv::KvReason>(i);
  return reasons;
}

}  // namespace

void WorkerMetrics::CollectTiers(const EngineSnapshot& snapshot, SampleFamilies& families) const {
  const std::string& model = model_.name;
  for (const TierFigures& tier : TiersOf(snapshot)) {
    const std::string name = Name(tier.tier);
    for (const kv::KvReason reason : AllReasons()) {
      families.Add("pintle_kv_removed_tokens_total",
                   {{"model", model}, {"reason", Name(reason)}, {"tier", name}},
                   Value(tier.ledger.removed[kv::At(reason)]));
    }
    for (std::size_t i = 0; i < kv::kBlockStates; ++i) {
      const MetricLabels labels = {{"model", model}, {"state", kStateNames[i]}, {"tier", name}};
      families.Add("pintle_kv_blocks", labels, Value(tier.blocks[i]));
      families.Add("pintle_kv_tokens", labels, Value(tier.tokens[i]));
    }
    const MetricLabels labels = {{"model", model}, {"tier", name}};
    families.Add("pintle_kv_stored_tokens_total", labels, Value(tier.ledger.added));
    families.Add("pintle_kv_moved_in_tokens_total", labels, Value(tier.ledger.moved_in));
    families.Add("pintle_kv_moved_out_tokens_total", labels, Value(tier.ledger.moved_out));
    families.Add("pintle_kv_capacity_bytes", labels, Value(tier.capacity_bytes));
  }
  for (const tier::TierStats& tier : snapshot.tiers) {
    for (const auto& [operation, failures] : {std::pair{"read", tier.read_failures},
                                              std::pair{"write", tier.write_failures}}) {
      families.Add("pintle_kv_tier_failures_total",
                   {{"model", model}, {"operation", operation}, {"tier", Name(tier.tier)}},
                   Value(failures));
    }
  }
}

void WorkerMetrics::CollectEvictions(const EngineSnapshot& snapshot,
                                     SampleFamilies& families) const {
  std::vector<kv::EvictionCount> rows = snapshot.insight.evictions;
  // Today's policy has its rows before its first eviction: a rate needs a zero to start from.
  for (const TierFigures& tier : TiersOf(snapshot)) {
    for (const kv::KvReason reason : AllReasons()) {
      const bool there = std::any_of(rows.begin(), rows.end(), [&](const kv::EvictionCount& row) {
        return row.policy == snapshot.kv.policy && row.reason == reason && row.tier == tier.tier;
      });
      if (there || !kv::IsEviction(reason)) continue;
      rows.push_back({snapshot.kv.policy, reason, tier.tier, 0, 0, 0});
    }
  }
  for (const kv::EvictionCount& row : rows) {
    const MetricLabels labels = {{"model", model_.name},
                                 {"policy", std::string(row.policy)},
                                 {"reason", Name(row.reason)},
                                 {"tier", Name(row.tier)}};
    families.Add("pintle_kv_evictions_total", labels, Value(row.evictions));
    families.Add("pintle_kv_evicted_tokens_total", labels, Value(row.tokens));
    families.Add("pintle_kv_evicted_bytes_total", labels, Value(row.bytes));
  }
}

void WorkerMetrics::CollectCache(const EngineSnapshot& snapshot, SampleFamilies& families) const {
  const kv::KvStats& stats = snapshot.kv;
  const std::string& model = model_.name;
  CollectTiers(snapshot, families);
  CollectEvictions(snapshot, families);
  for (const kv::KvReason reason : AllReasons()) {
    if (!kv::IsEviction(reason)) continue;
    families.Add("pintle_kv_regret_tokens_total", {{"model", model}, {"reason", Name(reason)}},
                 Value(snapshot.insight.regret_tokens[kv::At(reason)]));
  }
  families.Add("pintle_kv_regret_overflow_tokens_total", {{"model", model}},
               Value(snapshot.insight.regret_overflow_tokens));
  for (std::size_t i = 0; i < kCapacityNames.size(); ++i) {
    families.Add("pintle_kv_expected_hit_ratio",
                 {{"capacity", kCapacityNames[i]}, {"model", model}},
                 snapshot.insight.expected_hit_ratios[i]);
  }
  families.Add("pintle_kv_prefix_query_tokens_total", {{"model", model}},
               Value(stats.prefix_query_tokens));
  families.Add("pintle_kv_prefix_hit_tokens_total", {{"model", model}, {"source", "session"}},
               Value(stats.hit_tokens_session));
  families.Add("pintle_kv_prefix_hit_tokens_total", {{"model", model}, {"source", "prefix"}},
               Value(stats.hit_tokens_prefix));
  for (const auto& [name, histogram] :
       {std::pair{"pintle_kv_block_lifetime_seconds", &stats.block_lifetime},
        std::pair{"pintle_kv_idle_before_eviction_seconds", &stats.idle_before_eviction}}) {
    families.AddHistogram(name, {{"model", model}}, kv::KvHistogram::kBoundsSeconds,
                          histogram->counts, histogram->sum_seconds);
  }
}

void WorkerMetrics::CollectPins(const kv::KvStats& stats, SampleFamilies& families) const {
  const MetricLabels model = {{"model", model_.name}};
  for (std::size_t pin = 0; pin < kv::kPinKinds; ++pin) {
    for (std::size_t state = 0; state < kv::kSessionStates; ++state) {
      families.Add("pintle_sessions",
                   {{"model", model_.name},
                    {"pin", kPinNames[pin]},
                    {"state", kSessionStateNames[state]}},
                   Value(stats.sessions_by_pin[pin][state]));
    }
  }
  families.Add("pintle_session_lease_expirations_total", model, Value(stats.lease_expirations));
  families.Add("pintle_session_ttl_expirations_total", model, Value(stats.ttl_expirations));
  families.Add("pintle_pin_budget_tokens", model, Value(stats.pin_budget_tokens));
  families.Add("pintle_pin_guaranteed_tokens", model, Value(stats.guaranteed_tokens));
  families.Add("pintle_pin_used_tokens", model, Value(stats.guaranteed_used_tokens));
  families.Add("pintle_pin_rejections_total", model, Value(stats.pin_rejections));
}

void WorkerMetrics::Collect(const EngineSnapshot& snapshot, SampleFamilies& families) const {
  const MetricLabels model = {{"model", model_.name}};
  CollectCache(snapshot, families);
  families.Add("pintle_preemptions_total", model, static_cast<double>(snapshot.preemptions));
  families.Add("pintle_requests_running", model, static_cast<double>(snapshot.turns_running));
  families.Add("pintle_requests_waiting", model, static_cast<double>(snapshot.turns_waiting));
  families.Add("pintle_prompt_tokens_total", model,
               static_cast<double>(snapshot.prompt_tokens_computed));
  families.Add("pintle_output_tokens_total", model, static_cast<double>(snapshot.output_tokens));
  families.Add("pintle_speculation_drafted_tokens_total", model, Value(snapshot.drafted_tokens));
  families.Add("pintle_speculation_accepted_tokens_total", model, Value(snapshot.accepted_tokens));
  CollectPins(snapshot.kv, families);
  families.Add("pintle_model_info",
               {{"device", model_.device},
                {"dtype", model_.dtype},
                {"fingerprint", model_.fingerprint},
                {"kv_dtype", model_.kv_dtype},
                {"model", model_.name}},
               1);
  turns_.Collect(families, /*worker=*/true);
}

namespace {

void AddPins(const kv::KvStats& stats, CacheReport* report) {
  report->pin_budget = {stats.pin_budget_tokens, stats.guaranteed_tokens,
                        stats.guaranteed_used_tokens, stats.lease_expirations,
                        stats.ttl_expirations, stats.pin_rejections};
  for (std::size_t pin = 0; pin < kv::kPinKinds; ++pin) {
    for (std::size_t state = 0; state < kv::kSessionStates; ++state) {
      const std::int64_t count = stats.sessions_by_pin[pin][state];
      if (count == 0) continue;
      report->session_counts.push_back(
          {static_cast<PinKind>(pin), static_cast<SessionState>(state), count});
    }
  }
}

}  // namespace

CacheReport CacheReportOf(const WorkerId& worker, const ModelInfo& model,
                          const EngineSnapshot& snapshot) {
  const kv::KvStats& stats = snapshot.kv;
  CacheReport report;
  report.worker = worker;
  report.model = model.name;
  report.policy = std::string(stats.policy);
  report.block_tokens = stats.block_tokens;
  report.bytes_per_token = stats.bytes_per_token;
  for (const TierFigures& tier : TiersOf(snapshot)) report.tiers.push_back(tier.Report());
  for (const kv::KvReason reason : AllReasons()) {
    const std::int64_t detached = stats.sessions.removed[kv::At(reason)];
    if (detached != 0) report.detached.push_back({reason, detached, 0, 0});
    const std::int64_t regret = snapshot.insight.regret_tokens[kv::At(reason)];
    if (regret != 0) report.regret.push_back({reason, regret});
  }
  AddPins(stats, &report);
  report.tokens_attached = stats.sessions.added;
  report.tokens_held = stats.sessions.present;
  report.prefix_query_tokens = stats.prefix_query_tokens;
  report.hit_tokens_session = stats.hit_tokens_session;
  report.hit_tokens_prefix = stats.hit_tokens_prefix;
  report.regret_overflow_tokens = snapshot.insight.regret_overflow_tokens;
  for (std::size_t i = 0; i < kv::HitForecast::kCapacities.size(); ++i) {
    report.expected_hits.push_back(
        {kv::HitForecast::kCapacities[i], snapshot.insight.expected_hit_ratios[i]});
  }
  for (const kv::EvictionCount& row : snapshot.insight.evictions) {
    report.evictions.push_back(
        {std::string(row.policy), row.reason, row.tier, row.evictions, row.tokens, row.bytes});
  }
  return report;
}

}  // namespace pintle

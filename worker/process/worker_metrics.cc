// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_metrics.h"

#include <array>
#include <string>

namespace pintle {
namespace {

constexpr std::array<const char*, kv::kBlockStates> kStateNames = {"free", "in_use", "evictable",
                                                                   "pinned"};
constexpr char kDevice[] = "device";

}  // namespace

void WorkerMetrics::CollectCache(const kv::KvStats& stats, SampleFamilies& families) const {
  const std::string& model = model_.name;
  for (std::size_t i = 0; i < kv::kKvReasons; ++i) {
    const auto reason = static_cast<kv::KvReason>(i);
    const std::string name(kv::KvReasonName(reason));
    if (kv::IsEviction(reason)) {
      const MetricLabels labels = {{"model", model},
                                   {"policy", std::string(stats.policy)},
                                   {"reason", name},
                                   {"tier", kDevice}};
      families.Add("pintle_kv_evictions_total", labels, static_cast<double>(stats.evictions[i]));
      families.Add("pintle_kv_evicted_tokens_total", labels,
                   static_cast<double>(stats.evicted_tokens[i]));
      families.Add("pintle_kv_evicted_bytes_total", labels,
                   static_cast<double>(stats.evicted_bytes[i]));
    }
    families.Add("pintle_kv_removed_tokens_total",
                 {{"model", model}, {"reason", name}, {"tier", kDevice}},
                 static_cast<double>(stats.physical.removed[i]));
  }
  for (std::size_t i = 0; i < kv::kBlockStates; ++i) {
    const MetricLabels labels = {{"model", model}, {"state", kStateNames[i]}, {"tier", kDevice}};
    families.Add("pintle_kv_blocks", labels, static_cast<double>(stats.blocks[i]));
    families.Add("pintle_kv_tokens", labels, static_cast<double>(stats.tokens[i]));
  }
  families.Add("pintle_kv_capacity_bytes", {{"model", model}, {"tier", kDevice}},
               static_cast<double>(stats.capacity_bytes));
  families.Add("pintle_kv_prefix_query_tokens_total", {{"model", model}},
               static_cast<double>(stats.prefix_query_tokens));
  families.Add("pintle_kv_prefix_hit_tokens_total", {{"model", model}, {"source", "session"}},
               static_cast<double>(stats.hit_tokens_session));
  families.Add("pintle_kv_prefix_hit_tokens_total", {{"model", model}, {"source", "prefix"}},
               static_cast<double>(stats.hit_tokens_prefix));
  for (const auto& [name, histogram] :
       {std::pair{"pintle_kv_block_lifetime_seconds", &stats.block_lifetime},
        std::pair{"pintle_kv_idle_before_eviction_seconds", &stats.idle_before_eviction}}) {
    families.AddHistogram(name, {{"model", model}}, kv::KvHistogram::kBoundsSeconds,
                          histogram->counts, histogram->sum_seconds);
  }
}

void WorkerMetrics::Collect(const EngineSnapshot& snapshot, SampleFamilies& families) const {
  const MetricLabels model = {{"model", model_.name}};
  CollectCache(snapshot.kv, families);
  families.Add("pintle_preemptions_total", model, static_cast<double>(snapshot.preemptions));
  families.Add("pintle_requests_running", model, static_cast<double>(snapshot.turns_running));
  families.Add("pintle_requests_waiting", model, static_cast<double>(snapshot.turns_waiting));
  families.Add("pintle_prompt_tokens_total", model,
               static_cast<double>(snapshot.prompt_tokens_computed));
  families.Add("pintle_output_tokens_total", model, static_cast<double>(snapshot.output_tokens));
  for (const auto& [state, count] : {std::pair{"running", snapshot.kv.sessions_running},
                                     std::pair{"idle", snapshot.kv.sessions_idle},
                                     std::pair{"cold", snapshot.kv.sessions_cold}}) {
    families.Add("pintle_sessions",
                 {{"model", model_.name}, {"pin", "best_effort"}, {"state", state}},
                 static_cast<double>(count));
  }
  families.Add("pintle_model_info",
               {{"device", model_.device},
                {"dtype", model_.dtype},
                {"fingerprint", model_.fingerprint},
                {"kv_dtype", model_.kv_dtype},
                {"model", model_.name}},
               1);
  turns_.Collect(families, /*worker=*/true);
}

CacheReport CacheReportOf(const WorkerId& worker, const ModelInfo& model,
                          const kv::KvStats& stats) {
  CacheReport report;
  report.worker = worker;
  report.model = model.name;
  report.policy = std::string(stats.policy);
  report.block_tokens = stats.block_tokens;
  report.bytes_per_token = stats.bytes_per_token;
  TierReport tier;
  tier.tier = CacheTier::kDevice;
  tier.capacity_bytes = stats.capacity_bytes;
  tier.blocks_total = stats.blocks_total;
  tier.blocks_free = stats.Blocks(kv::BlockState::kFree);
  tier.blocks_in_use = stats.Blocks(kv::BlockState::kInUse);
  tier.blocks_evictable = stats.Blocks(kv::BlockState::kEvictable);
  tier.blocks_pinned = stats.Blocks(kv::BlockState::kPinned);
  tier.tokens_resident = stats.physical.present;
  tier.tokens_stored = stats.physical.added;
  tier.tokens_moved_in = stats.physical.moved_in;
  tier.tokens_moved_out = stats.physical.moved_out;
  for (std::size_t i = 0; i < kv::kKvReasons; ++i) {
    const auto reason = static_cast<kv::KvReason>(i);
    if (stats.physical.removed[i] != 0 || stats.evictions[i] != 0) {
      tier.removed.push_back(
          {reason, stats.physical.removed[i], stats.evictions[i], stats.evicted_bytes[i]});
    }
    if (stats.sessions.removed[i] != 0) {
      report.detached.push_back({reason, stats.sessions.removed[i], 0, 0});
    }
  }
  report.tiers.push_back(std::move(tier));
  report.tokens_attached = stats.sessions.added;
  report.tokens_held = stats.sessions.present;
  report.prefix_query_tokens = stats.prefix_query_tokens;
  report.hit_tokens_session = stats.hit_tokens_session;
  report.hit_tokens_prefix = stats.hit_tokens_prefix;
  return report;
}

}  // namespace pintle

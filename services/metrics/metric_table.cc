// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/metric_table.h"

#include <array>

#include "contract/check.h"

namespace pintle {
namespace {

constexpr MetricType kCounter = MetricType::kCounter;
constexpr MetricType kGauge = MetricType::kGauge;
constexpr MetricType kHistogram = MetricType::kHistogram;

constexpr std::array kTable = {
    // The KV cache: what it holds, what it lost and why.
    MetricRow{"pintle_kv_evictions_total", kCounter, "model,policy,reason,tier",
              "Blocks evicted because somebody else needed room", true, false},
    MetricRow{"pintle_kv_evicted_tokens_total", kCounter, "model,policy,reason,tier",
              "Tokens in evicted blocks", true, false},
    MetricRow{"pintle_kv_evicted_bytes_total", kCounter, "model,policy,reason,tier",
              "Bytes of evicted tokens", true, false},
    MetricRow{"pintle_kv_removed_tokens_total", kCounter, "model,reason,tier",
              "Tokens that left the cache, for any reason", true, false},
    MetricRow{"pintle_kv_stored_tokens_total", kCounter, "model,tier",
              "Tokens computed into the tier", true, false},
    MetricRow{"pintle_kv_moved_in_tokens_total", kCounter, "model,tier",
              "Tokens that came from another tier", true, false},
    MetricRow{"pintle_kv_moved_out_tokens_total", kCounter, "model,tier",
              "Tokens that went to another tier", true, false},
    MetricRow{"pintle_kv_regret_tokens_total", kCounter, "model,reason",
              "Tokens prefilled again that an eviction of this reason had dropped", true, false},
    MetricRow{"pintle_kv_regret_overflow_tokens_total", kCounter, "model",
              "Evicted tokens that were forgotten before anybody could miss them", true, false},
    MetricRow{"pintle_kv_expected_hit_ratio", kGauge, "capacity,model",
              "Share of looked-up blocks that LRU would have found at a multiple of today's size",
              true, false},
    MetricRow{"pintle_kv_block_lifetime_seconds", kHistogram, "model",
              "Age of blocks when they were evicted", true, false},
    MetricRow{"pintle_kv_idle_before_eviction_seconds", kHistogram, "model",
              "Time since a block's last use when it was evicted", true, false},
    MetricRow{"pintle_kv_blocks", kGauge, "model,state,tier",
              "Blocks by what they do: free, in_use, evictable, pinned", true, false},
    MetricRow{"pintle_kv_tokens", kGauge, "model,state,tier",
              "Tokens resident, by the state of their block", true, false},
    MetricRow{"pintle_kv_capacity_bytes", kGauge, "model,tier", "Size of the KV pool", true, false},
    MetricRow{"pintle_kv_tier_failures_total", kCounter, "model,operation,tier",
              "Blocks of a tier below the device that could not be written or read back", true,
              false},
    MetricRow{"pintle_kv_prefix_query_tokens_total", kCounter, "model",
              "Prompt tokens looked up in the cache", true, false},
    MetricRow{"pintle_kv_prefix_hit_tokens_total", kCounter, "model,source",
              "Prompt tokens found: in the session's own KV, or by prefix", true, false},
    MetricRow{"pintle_preemptions_total", kCounter, "model",
              "Turns whose blocks were taken and that were computed again", true, false},
    // Work.
    MetricRow{"pintle_requests_running", kGauge, "model", "Turns being computed", true, false},
    MetricRow{"pintle_requests_waiting", kGauge, "model", "Turns in the queue", true, false},
    MetricRow{"pintle_prompt_tokens_total", kCounter, "model",
              "Prompt tokens computed, cached ones not among them", true, false},
    MetricRow{"pintle_output_tokens_total", kCounter, "model", "Tokens generated", true, false},
    MetricRow{"pintle_speculation_drafted_tokens_total", kCounter, "model",
              "Tokens tried ahead because the text before repeated itself", true, false},
    MetricRow{"pintle_speculation_accepted_tokens_total", kCounter, "model",
              "Of the tokens tried ahead, those that became output", true, false},
    MetricRow{"pintle_time_to_first_token_seconds", kHistogram, "cache,model",
              "From a turn's arrival to its first token, by how much of its prompt was cached: hit "
              "(half or more), partial, miss",
              true, false},
    MetricRow{"pintle_inter_token_latency_seconds", kHistogram, "model",
              "Time between two tokens of a stream", true, false},
    MetricRow{"pintle_request_queue_seconds", kHistogram, "model",
              "Time a turn waited before its first step", true, false},
    MetricRow{"pintle_request_duration_seconds", kHistogram, "code,model",
              "From a turn's arrival to its end, by gRPC code", true, true},
    MetricRow{"pintle_admission_rejections_total", kCounter, "model,reason",
              "Turns refused with RESOURCE_EXHAUSTED or UNAVAILABLE, by reason", true, true},
    // Sessions and fleet.
    MetricRow{"pintle_sessions", kGauge, "model,pin,state", "Sessions known to this process", true,
              true},
    MetricRow{"pintle_session_lease_expirations_total", kCounter, "model",
              "Leases that ended with no turn before", true, false},
    MetricRow{"pintle_session_ttl_expirations_total", kCounter, "model",
              "Retained ranges that fell back to best effort", true, false},
    MetricRow{"pintle_pin_budget_tokens", kGauge, "model", "Tokens that guarantees may come to",
              true, false},
    MetricRow{"pintle_pin_guaranteed_tokens", kGauge, "model", "Tokens that guarantees come to",
              true, false},
    MetricRow{"pintle_pin_used_tokens", kGauge, "model",
              "Of the guaranteed tokens, those that KV takes, in whole blocks", true, false},
    MetricRow{"pintle_pin_rejections_total", kCounter, "model",
              "Pins refused because a budget or a quota has no room for them", true, false},
    MetricRow{"pintle_workers", kGauge, "model,state", "Workers registered here", false, true},
    MetricRow{"pintle_build_info", kGauge, "version", "1, with the version as a label", true, true},
    MetricRow{"pintle_model_info", kGauge, "device,dtype,fingerprint,kv_dtype,model",
              "1, with the model as labels", true, false},
};

}  // namespace

absl::Span<const MetricRow> MetricTable() { return kTable; }

const MetricRow& MetricOf(absl::string_view name) {
  for (const MetricRow& row : kTable) {
    if (row.name == name) return row;
  }
  PINTLE_CHECK(false, "a metric that is not in the table");
}

absl::string_view MetricTypeName(MetricType type) {
  switch (type) {
    case MetricType::kCounter: return "counter";
    case MetricType::kGauge: return "gauge";
    case MetricType::kHistogram: return "histogram";
  }
  return "untyped";
}

}  // namespace pintle

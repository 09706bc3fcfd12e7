// SPDX-License-Identifier: Apache-2.0
#include "services/metrics/turn_metrics.h"

#include <algorithm>
#include <optional>

#include "contract/errors.h"

namespace pintle {

void TurnMetrics::Histogram::Observe(absl::Duration value, std::int64_t times) {
  const double seconds = absl::ToDoubleSeconds(value);
  const auto bucket = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
  counts[static_cast<std::size_t>(bucket - kBounds.begin())] += times;
  sum += seconds * static_cast<double>(times);
}

void TurnMetrics::OnTokens(absl::Duration gap, std::int64_t tokens) {
  if (tokens <= 0) return;
  absl::MutexLock lock(&mutex_);
  inter_token_.Observe(gap / tokens, tokens);
}

void TurnMetrics::OnEnd(const RequestRecord& record) {
  const std::optional<ErrorDetail> detail = DetailOf(record.status);
  absl::MutexLock lock(&mutex_);
  if (record.queue) queue_.Observe(*record.queue);
  if (record.time_to_first_token && record.prompt_tokens && record.cached_tokens) {
    const std::int64_t found = *record.cached_tokens;
    const char* outcome = found == 0                           ? "miss"
                          : 2 * found >= *record.prompt_tokens ? "hit"
                                                               : "partial";
    first_token_[outcome].Observe(*record.time_to_first_token);
  }
  duration_[absl::StatusCodeToString(record.status.code())].Observe(record.duration);
  if (detail && detail->retry_after) ++rejections_[std::string(ReasonName(detail->reason))];
}

void TurnMetrics::Collect(SampleFamilies& families, bool worker) const {
  absl::MutexLock lock(&mutex_);
  const auto add = [&](absl::string_view name, const MetricLabels& own,
                       const Histogram& histogram) {
    MetricLabels labels;
    labels.reserve(own.size() + 1);
    labels.insert(labels.end(), own.begin(), own.end());
    labels.emplace_back("model", model_);
    families.AddHistogram(name, labels, kBounds, histogram.counts, histogram.sum);
  };
  if (worker) {
    for (const auto& [outcome, histogram] : first_token_) {
      add("pintle_time_to_first_token_seconds", {{"cache", outcome}}, histogram);
    }
    add("pintle_inter_token_latency_seconds", {}, inter_token_);
    add("pintle_request_queue_seconds", {}, queue_);
  }
  for (const auto& [code, histogram] : duration_) {
    add("pintle_request_duration_seconds", {{"code", code}}, histogram);
  }
  for (const auto& [reason, count] : rejections_) {
    families.Add("pintle_admission_rejections_total", {{"model", model_}, {"reason", reason}},
                 static_cast<double>(count));
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REQUEST_LOG_METRICS_OBSERVER_H_
#define PINTLE_SERVICES_REQUEST_LOG_METRICS_OBSERVER_H_

#include "services/metrics/turn_metrics.h"
#include "services/request_log/request_record.h"

namespace pintle {

// Counts requests into the metrics of their turns.
// Thread: safe from any thread. Borrows the metrics.
class MetricsObserver final : public RequestObserver {
 public:
  explicit MetricsObserver(TurnMetrics& metrics) : metrics_(metrics) {}

  void OnTokens(absl::Duration gap, std::int64_t tokens) override;
  void OnEnd(const RequestRecord& record) override;

 private:
  TurnMetrics& metrics_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REQUEST_LOG_METRICS_OBSERVER_H_

// SPDX-License-Identifier: Apache-2.0
#include "services/request_log/metrics_observer.h"

namespace pintle {

void MetricsObserver::OnTokens(absl::Duration gap, std::int64_t tokens) {
  metrics_.InterToken(gap, static_cast<std::int32_t>(tokens));
}

void MetricsObserver::OnEnd(const RequestRecord& record) {
  if (record.queue) metrics_.Queued(*record.queue);
  if (record.cached && record.prompt_tokens && record.time_to_first_token) {
    metrics_.FirstToken(*record.cached, static_cast<std::int32_t>(*record.prompt_tokens),
                        *record.time_to_first_token);
  }
  metrics_.Ended(record.status, record.duration);
}

}  // namespace pintle

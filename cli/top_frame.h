// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TOP_FRAME_H_
#define PINTLE_CLI_TOP_FRAME_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "pintle/v1/cache.pb.h"
#include "pintle/v1/fleet.pb.h"
#include "pintle/v1/sessions.pb.h"

namespace pintle {

// What the server said at one moment. A part it did not answer keeps the error instead.
struct TopSnapshot {
  absl::Duration at;
  absl::Time wall;
  absl::Status fleet_status;
  v1::ListWorkersResponse fleet;
  absl::Status cache_status;
  v1::GetCacheStatsResponse cache;
  absl::Status sessions_status;
  v1::ListSessionsResponse sessions;
};

// Rates between two moments, in tokens a second over all workers.
struct TopRates {
  double stored = 0;
  double queried = 0;
  double hit = 0;
  double removed = 0;
  double evicted = 0;
  double regretted = 0;
};

// nullopt without a time between them, or when a counter fell (a worker left or restarted).
std::optional<TopRates> RatesBetween(const TopSnapshot& before, const TopSnapshot& after);

// One frame of `pintle top`: workers, cache, rates and the sessions used last.
std::string TopFrame(const TopSnapshot& now, const std::optional<TopRates>& rates);

}  // namespace pintle

#endif  // PINTLE_CLI_TOP_FRAME_H_

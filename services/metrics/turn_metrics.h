// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_METRICS_TURN_METRICS_H_
#define PINTLE_SERVICES_METRICS_TURN_METRICS_H_

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/metrics/sample_families.h"
#include "services/request_log/request_record.h"

namespace pintle {

// Latencies and refusals of turns, counted as they go by.
// Thread: safe from any thread. Owns its counts; every map's keys come from a closed list.
class TurnMetrics final : public RequestObserver {
 public:
  // `model` labels the figures: the one a worker serves, or "all" on a coordinator.
  explicit TurnMetrics(std::string model) : model_(std::move(model)) {}

  void OnTokens(absl::Duration gap, std::int64_t tokens) override;
  void OnEnd(const RequestRecord& record) override;

  // With `worker`, also what only a worker measures.
  void Collect(SampleFamilies& families, bool worker) const;

 private:
  // From a millisecond, a small model's step, to ten minutes, twice over per decade or finer.
  static constexpr std::array<double, 17> kBounds = {
      0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 180, 600};
  struct Histogram {
    std::array<std::int64_t, kBounds.size() + 1> counts{};
    double sum = 0;

    void Observe(absl::Duration value, std::int64_t times = 1);
  };

  const std::string model_;
  // Guards the counts.
  mutable absl::Mutex mutex_;
  std::map<std::string, Histogram> first_token_ ABSL_GUARDED_BY(mutex_);  // by cache outcome
  Histogram inter_token_ ABSL_GUARDED_BY(mutex_);
  Histogram queue_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Histogram> duration_ ABSL_GUARDED_BY(mutex_);       // by code
  std::map<std::string, std::int64_t> rejections_ ABSL_GUARDED_BY(mutex_);  // by reason
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_METRICS_TURN_METRICS_H_

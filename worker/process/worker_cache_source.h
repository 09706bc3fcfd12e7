// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_
#define PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "contract/cache_desk.h"
#include "contract/cache_report.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "worker/engine/cache_event_feed.h"
#include "worker/engine/engine_api.h"
#include "worker/turn/transcript_cache.h"

namespace pintle {

// A worker's answers to CacheStats: figures are its engine's last snapshot, sessions and plans come
// by asking the engine, events from its feed.
// Thread: safe from any thread. Borrows what it is given.
class WorkerCacheSource final : public CacheStatsSource, public CacheDesk {
 public:
  WorkerCacheSource(WorkerId worker, ModelInfo model, EngineApi& engine, const CacheEventFeed& feed,
                    const TranscriptCache& transcripts, const Clock& clock)
      : worker_(std::move(worker)),
        model_(std::move(model)),
        engine_(engine),
        feed_(feed),
        transcripts_(transcripts),
        clock_(clock) {}

  void GetCacheReports(const CacheQuery& query, Callback done) override;

  std::uint64_t Epoch() const override { return feed_.epoch(); }
  CacheMoment Moment() const override;
  bool ReadEvents(std::uint64_t sequence, std::size_t max,
                  std::vector<CacheEvent>* events) const override {
    return feed_.Read(sequence, max, events);
  }
  std::uint64_t LastSequence() const override { return feed_.last_sequence(); }
  bool AwaitEvents(std::uint64_t sequence, absl::Duration timeout) const override {
    return feed_.Await(sequence, timeout);
  }
  absl::Time WallTimeOf(absl::Duration monotonic) const override {
    return clock_.Wall() - (clock_.Monotonic() - monotonic);
  }
  void ExplainEviction(std::int64_t tokens,
                       absl::AnyInvocable<void(absl::StatusOr<EvictionExplanation>)> done) override;
  void SetEvictionPolicy(std::string name,
                         absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override;

 private:
  // Adds the sessions that are asked for, and answers.
  void AddSessions(const CacheQuery& query, CacheReport report, Callback done);

  const WorkerId worker_;
  const ModelInfo model_;
  EngineApi& engine_;
  const CacheEventFeed& feed_;
  const TranscriptCache& transcripts_;
  const Clock& clock_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_PROCESS_WORKER_CACHE_SOURCE_H_

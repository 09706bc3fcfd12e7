// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_RECORDING_SINK_H_
#define PINTLE_TESTS_FAKES_RECORDING_SINK_H_

#include <atomic>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "worker/engine/engine_turn.h"

namespace pintle {

// What a sink heard, sorted; copied out under the lock.
struct SinkRecord {
  std::optional<EngineStarted> started;
  std::vector<EnginePromptScores> scores;
  std::map<std::int32_t, std::vector<TokenId>> tokens;  // by choice
  std::map<std::int32_t, std::vector<TokenLogprob>> logprobs;
  std::map<std::int32_t, FinishReason> finished;
  std::optional<EngineEnded> ended;
  std::int64_t events = 0;
};

// A sink that keeps everything and dies on what the seam forbids: tokens before the start, gaps in
// a choice's indices, events after a choice's or the turn's end.
// Thread: Push from one thread; everything else from any.
class RecordingSink final : public TurnSink {
 public:
  // `notice`, if given, is called with each event from Push, outside the lock.
  explicit RecordingSink(std::function<void(const EngineEvent&)> notice = nullptr)
      : notice_(std::move(notice)) {}

  void Push(EngineEvent event) override;
  bool Paused() const override { return paused_; }

  // The owner calls Engine::Wake() after turning it false.
  void set_paused(bool paused) { paused_ = paused; }
  SinkRecord Record() const;
  bool Ended() const;
  // All choices finished, or the turn ended. Waits up to `timeout`.
  bool AwaitFinished(std::int32_t choices, absl::Duration timeout) const;
  bool AwaitEnded(absl::Duration timeout) const;

 private:
  const std::function<void(const EngineEvent&)> notice_;
  std::atomic<bool> paused_ = false;
  // Guards the record.
  mutable absl::Mutex mutex_;
  SinkRecord record_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_TESTS_FAKES_RECORDING_SINK_H_

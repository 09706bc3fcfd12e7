// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_ENGINE_STREAM_LOAD_H_
#define PINTLE_TESTS_WORKER_ENGINE_STREAM_LOAD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "tests/fakes/fake_decoder.h"
#include "tests/fakes/recording_sink.h"
#include "worker/engine/engine.h"

namespace pintle {

// A sink nobody reads: it takes what an outbox would hold and is paused from then on.
class BlockedSink final : public TurnSink {
 public:
  void Push(EngineEvent) override { ++events_; }
  bool Paused() const override {
    return events_ >= static_cast<std::int64_t>(limits::kOutboxEvents);
  }
  std::int64_t events() const { return events_; }

 private:
  std::atomic<std::int64_t> events_ = 0;
};

// Many sessions on a threaded engine, each running the same turn again and again; every token is
// compared with the oracle. Drives them all from the calling thread.
class StreamLoad {
 public:
  struct Result {
    std::int64_t turns = 0;
    std::int64_t tokens = 0;
    std::int64_t wrong_turns = 0;
    std::int64_t failed_turns = 0;
    double seconds = 0;
    double cpu_seconds = 0;  // of the whole process

    double TokensPerSecond() const { return static_cast<double>(tokens) / seconds; }
  };

  // Engine with room for all sessions and for one very long stream beside them.
  StreamLoad(std::int32_t sessions, std::int32_t tokens);

  // Runs every session's turn at least once and again until `least` has passed.
  Result Run(absl::Duration least);
  // Starts a stream of `tokens` tokens that nobody reads. Ended by StopBlocked.
  void StartBlocked(std::int32_t tokens);
  // Events that the unread stream was given before it was paused.
  std::int64_t StopBlocked();

  Engine& engine() { return *engine_; }

 private:
  struct Stream {
    TurnId turn = 0;
    std::vector<TokenId> prompt;
    std::vector<TokenId> expected;
    std::shared_ptr<RecordingSink> sink;
  };

  void Submit(std::size_t stream);
  // A choice has finished (then it is to be committed) or its turn has ended.
  void Notice(std::size_t stream, const EngineEvent& event);
  std::size_t AwaitNotice();

  const std::int32_t tokens_;
  SystemClock clock_;
  std::unique_ptr<Engine> engine_;
  std::vector<Stream> streams_;
  TurnId blocked_ = 0;
  std::shared_ptr<BlockedSink> blocked_sink_;
  // Guards the streams with news, in order.
  absl::Mutex mutex_;
  std::deque<std::size_t> news_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_TESTS_WORKER_ENGINE_STREAM_LOAD_H_

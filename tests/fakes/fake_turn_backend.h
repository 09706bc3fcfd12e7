// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_FAKE_TURN_BACKEND_H_
#define PINTLE_TESTS_FAKES_FAKE_TURN_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "contract/ready_signal.h"
#include "contract/turn.h"

namespace pintle {

// The tokens a fake worker answers with: a function of the whole context alone, so that a wrong or
// stale transcript changes every one of them.
std::vector<TokenId> FakeAnswer(std::uint64_t context_digest, std::int32_t count);
// The ids a fake worker makes of an input: its ids, or its bytes.
std::vector<TokenId> FakeTokens(const GenerationInput& input);

class FakeTurnBackend;

// One turn at the fake worker, as the test's hand on it. Its script is what a good worker would
// say; the test lets it say more or less of it, or something else.
// Thread: safe from any thread.
class FakeTurn : public std::enable_shared_from_this<FakeTurn> {
 public:
  FakeTurn(FakeTurnBackend& backend, TurnRequest request, std::deque<TurnEvent> script,
           std::vector<TranscriptTurn> base);

  const TurnRequest& request() const { return request_; }
  // Says the next event of the script; false when it is over or the turn has ended.
  bool Step();
  void StepAll();
  // Says an event of the test's own.
  void Say(TurnEvent event);
  // From now on cancels are noted but not answered, as by a stopped process.
  void IgnoreCancel();
  std::optional<std::pair<CancelMode, absl::Status>> cancelled() const;
  // Whether the consumer destroyed its stream.
  bool released() const;

 private:
  friend class FakeTurnBackend;
  class Stream;

  void Cancel(CancelMode mode, absl::Status why);

  FakeTurnBackend& backend_;
  const TurnRequest request_;
  const std::vector<TranscriptTurn> base_;
  // Shared with the stream, whose consumer may go while the test speaks.
  const std::shared_ptr<ReadySignal> signal_ = std::make_shared<ReadySignal>();
  // Guards the rest.
  mutable absl::Mutex mutex_;
  std::deque<TurnEvent> script_ ABSL_GUARDED_BY(mutex_);
  std::deque<TurnEvent> said_ ABSL_GUARDED_BY(mutex_);
  std::optional<TurnPrepared> prepared_ ABSL_GUARDED_BY(mutex_);
  std::vector<TokenId> delivered_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::pair<CancelMode, absl::Status>> cancelled_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  bool ignore_cancel_ ABSL_GUARDED_BY(mutex_) = false;
};

// A worker without a model: keeps transcript copies by epoch and digest as a real one must, refuses
// stale ones, and answers FakeAnswer of the context.
// Thread: safe from any thread. Must outlive its turns.
class FakeTurnBackend final : public TurnBackend {
 public:
  struct Options {
    WorkerId worker = WorkerId("fake");
    Incarnation incarnation = 1;
    // Whether a turn says its whole script at once, or waits for the test's Step.
    bool answer_at_once = true;
    std::int32_t tokens_per_chunk = 2;
  };

  explicit FakeTurnBackend(Options options);
  FakeTurnBackend() : FakeTurnBackend(Options()) {}

  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) override;
  void DropSession(const SessionKey& key) override;

  // The next Start answers this.
  void FailNextStart(absl::Status status);
  // Forgets all copies, as a worker short of memory may.
  void ForgetCopies();
  std::size_t starts() const;
  // The turn of the given Start, counted from 0; refused ones do not count.
  std::shared_ptr<FakeTurn> turn(std::size_t index) const;
  std::shared_ptr<FakeTurn> last() const;
  std::vector<SessionKey> drops() const;
  // Whether it has a copy of the session's transcript.
  bool Holds(const SessionKey& key) const;

 private:
  friend class FakeTurn;
  struct Copy {
    Epoch epoch = 0;
    std::vector<TranscriptTurn> turns;
  };

  absl::StatusOr<std::vector<TranscriptTurn>> Resolve(const TurnRequest& turn)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::deque<TurnEvent> ScriptFor(const TurnRequest& turn,
                                  const std::vector<TranscriptTurn>& base) const;
  void Store(const FakeTurn& turn, const TurnPrepared& prepared, const TurnFinished& finished);

  const Options options_;
  // Guards the rest. Taken after a turn's own lock, never before it.
  mutable absl::Mutex mutex_;
  std::map<SessionKey, Copy> copies_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<FakeTurn>> turns_ ABSL_GUARDED_BY(mutex_);
  std::vector<SessionKey> drops_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> fail_next_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_TESTS_FAKES_FAKE_TURN_BACKEND_H_

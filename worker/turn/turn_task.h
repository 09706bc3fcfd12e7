// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TURN_TURN_TASK_H_
#define PINTLE_WORKER_TURN_TURN_TASK_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/ready_signal.h"
#include "contract/turn.h"
#include "worker/engine/engine_turn.h"
#include "worker/turn/choice_output.h"
#include "worker/turn/turn_environment.h"

namespace pintle {

// One turn between its consumer and the engine:
//
//   Start -> [text job: resolve transcript, render, tokenize] -> TurnPrepared -> Engine::Submit
//   engine events -> raw_ -> [text job: detokenize, stop strings] -> ready_ -> Next
//   all choices finished -> Engine::Commit -> EngineEnded -> transcript copy -> TurnFinished
//
// At most one text job of a turn runs at a time, so all text state needs no lock.
// Thread: safe from any thread; Push comes from the engine thread and only appends and posts.
// Owns its events; borrows the environment. Lives by shared_ptr, because the consumer may leave
// while the engine still has events for it.
class TurnTask final : public TurnSink, public std::enable_shared_from_this<TurnTask> {
 public:
  // `on_end` is called once, when the engine has let go of the turn and before its last event can
  // be seen: from then on the session may run another.
  TurnTask(TurnEnvironment& environment, TurnRequest request,
           absl::AnyInvocable<void(TurnTask*)> on_end);

  // Posts the first job. QUEUE_FULL when the text pool has no room; nothing happens then.
  absl::Status Start();
  // The same for a turn that was already accepted.
  void StartAccepted();

  const SessionKey& key() const { return key_; }
  Epoch epoch() const { return request_.epoch; }
  // Whether the turn was asked to roll back, so that its end is near.
  bool ending() const;

  // The consumer's side; see TurnStream.
  void SetReadyCallback(absl::AnyInvocable<void()> callback);
  std::optional<TurnEvent> Next();
  void Cancel(CancelMode mode, absl::Status why);
  // The consumer is gone: no callback comes any more; a turn not yet ended is rolled back.
  void Detach();

  // The engine's side.
  void Push(EngineEvent event) override;
  bool Paused() const override;

 private:
  // Text jobs.
  void RunJob();
  void Prepare();
  absl::StatusOr<EngineTurn> PrepareEngineTurn();
  void Handle(EngineEvent event);
  void HandleStarted(const EngineStarted& started);
  void HandleScores(EnginePromptScores scores);
  void HandleToken(EngineToken token);
  void HandleChoiceEnded(const EngineChoiceEnded& ended);
  void HandleEnded(const EngineEnded& ended);
  void ApplyCancel(CancelMode mode, absl::Status why);
  void FinishChoice(ChoiceOutput& output, FinishReason reason);
  void AnnounceChoice(std::int32_t choice);
  void CommitIfDone();
  void Fail(absl::Status why);
  void EmitLast(TurnEvent event);
  void EmitEcho();
  void Deliver(TurnChunk chunk);
  void Emit(TurnEvent event);

  bool TakeWork(std::optional<std::pair<CancelMode, absl::Status>>& cancel,
                std::deque<EngineEvent>& events);
  void PostJobLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Counts tokens in and out of the outbox and wakes the engine when the turn is no longer paused.
  void AddUnread(std::int32_t tokens);
  std::int32_t UnreadMax() const;
  Usage CurrentUsage() const;
  absl::Duration Elapsed() const;

  TurnEnvironment& environment_;
  TurnRequest request_;
  const SessionKey key_;
  const absl::Duration start_;
  absl::AnyInvocable<void(TurnTask*)> on_end_;

  // Text state: touched only by the one running job.
  bool prepare_done_ = false;
  TranscriptCache::Turns transcript_;
  TurnPrepared prepared_;
  std::vector<ChoiceOutput> choices_;
  std::int32_t prompt_tokens_ = 0;
  CachedTokens cached_;
  absl::Duration queue_ = absl::ZeroDuration();
  std::optional<absl::Duration> first_token_;
  std::uint64_t seed_ = 0;
  std::optional<TurnId> turn_;
  bool commit_sent_ = false;
  bool last_emitted_ = false;

  // Guards what engine, consumer and job exchange.
  mutable absl::Mutex mutex_;
  std::deque<EngineEvent> raw_ ABSL_GUARDED_BY(mutex_);
  std::deque<TurnEvent> ready_ ABSL_GUARDED_BY(mutex_);
  bool job_posted_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<std::pair<CancelMode, absl::Status>> cancel_ ABSL_GUARDED_BY(mutex_);
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  ReadySignal signal_;
  // Output tokens pushed by the engine and not yet pulled, less those held back by text rules.
  std::atomic<std::int32_t> unread_tokens_{0};
};

}  // namespace pintle

#endif  // PINTLE_WORKER_TURN_TURN_TASK_H_

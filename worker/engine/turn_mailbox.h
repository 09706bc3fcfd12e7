// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_ENGINE_TURN_MAILBOX_H_
#define PINTLE_WORKER_ENGINE_TURN_MAILBOX_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/engine/engine_message.h"

namespace pintle {

// Where callers and the engine thread meet: messages in order, and the little that Submit must
// know at once (live turns, busy sessions, the length of the queue).
// Thread: all methods are safe from any thread; the second group is for the engine thread.
// Bounded: submissions, questions and pins by `messages_max`; of each live turn at most one ending
// and one stop of each choice are kept; of each session one drop. Later ones add nothing and are
// ignored.
// Fails: Submit, Query and SetPin only, with the reasons of EngineApi.
class TurnMailbox {
 public:
  TurnMailbox(std::size_t messages_max, std::size_t queue_max);

  absl::StatusOr<TurnId> Submit(EngineTurn request, absl::Duration now);
  void StopChoice(TurnId turn, std::int32_t choice);
  // The first ending of a turn, commit or cancel, is the one that counts.
  void Commit(TurnId turn, EngineCommit commit);
  void Cancel(TurnId turn, absl::Status why);
  void Drop(const SessionKey& key);
  absl::Status Query(QueryMessage query);
  // A question for the engine thread. QUEUE_FULL, or DRAINING once closed.
  absl::Status Ask(EngineMessage message);
  // Runs the task with the refusal at once: QUEUE_FULL, or DRAINING after Close.
  void Task(KvTaskMessage task);
  absl::Status SetPin(PinMessage pin);
  // Submit answers DRAINING from now on. Posts the message.
  void Drain(DrainMessage drain);
  // Submit answers DRAINING and Query its `done` at once from now on; Sleep no longer sleeps.
  void Close();
  void Wake();
  // Whether no turn lives; waits for that up to `timeout` of real time.
  bool AwaitNoTurns(absl::Duration timeout);

  // Replaces `messages` by all that came since the last call, in order.
  void Take(std::vector<EngineMessage>& messages);
  // The turn left the queue: it no longer counts against queue_max.
  void LeaveQueue(TurnId turn);
  // The turn is over; its session may run another. Called before the turn's EngineEnded is pushed,
  // so whoever hears of the end may submit at once.
  void Retire(TurnId turn);
  // Waits for a message, Wake, Close, or `timeout` of real time.
  void Sleep(absl::Duration timeout);
  bool closed() const;

 private:
  struct LiveTurn {
    SessionKey key;
    bool queued = true;
    bool ending = false;
    std::uint32_t stopped = 0;  // choices, as bits
  };

  absl::Status CheckRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Post(EngineMessage message) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // The live turn that nobody has asked to end yet, or null.
  LiveTurn* FindOpen(TurnId turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t messages_max_;
  const std::size_t queue_max_;
  // Guards everything below; held for O(1) only.
  mutable absl::Mutex mutex_;
  std::vector<EngineMessage> messages_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<TurnId, LiveTurn> live_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<SessionKey> busy_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<SessionKey> drops_ ABSL_GUARDED_BY(mutex_);
  std::size_t queued_ ABSL_GUARDED_BY(mutex_) = 0;
  TurnId next_turn_ ABSL_GUARDED_BY(mutex_) = 1;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_ENGINE_TURN_MAILBOX_H_

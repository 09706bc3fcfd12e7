// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_TURN_PUMP_H_
#define PINTLE_SERVICES_TURNS_TURN_PUMP_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/turn.h"

namespace pintle {

// Moves events from a TurnStream to a consumer that takes one at a time, whoever of the two is
// slower:
//
//            ready               event              Resume
//   [idle] --------> [pulling] --------> [busy] -------------> [pulling]
//      ^                 |                  |  consumer wants more at once
//      +-----------------+                  +----------------> [pulling]
//          no event                 last event: [ended]
//   [busy] --Abandon--> [abandoned] --Resume--> the consumer gets TurnFailed, [ended]
//
// A write to a peer that does not read keeps the pump busy; then nothing is pulled, and the turn's
// own outbox fills and pauses it.
// Thread: safe from any thread; the consumer is called by one thread at a time.
// Owns the stream: dropping the last reference before the last event rolls the turn back.
class TurnPump final : public std::enable_shared_from_this<TurnPump> {
 public:
  // Takes one event. True asks for the next at once; false promises a Resume, which may come before
  // the return. After the last event the answer has no meaning and the consumer may be gone.
  using Consumer = absl::AnyInvocable<bool(TurnEvent)>;

  TurnPump(std::unique_ptr<TurnStream> stream, Consumer consumer);
  TurnPump(const TurnPump&) = delete;
  TurnPump& operator=(const TurnPump&) = delete;

  // Begins to pull; the consumer may be called before the return. Requires: called once.
  void Start();
  // The consumer can take the next event. Requires: it answered, or will answer, false.
  void Resume();
  // Asks the turn to end early; its last event still comes.
  void Cancel(CancelMode mode, absl::Status why);

  // The number of the event the consumer is busy with; nullopt when it is not busy.
  std::optional<std::uint64_t> BusyWith() const;
  // Gives up a consumer that is still busy with this event: the turn rolls back now, and whenever
  // the consumer resumes, TurnFailed with this status is all it gets. False when it went on
  // meanwhile.
  bool Abandon(std::uint64_t event, absl::Status why);

 private:
  enum class State { kIdle, kPulling, kBusy, kAbandoned, kEnded };

  void OnReady();
  void Pull();
  std::shared_ptr<TurnStream> stream() const;

  Consumer consumer_;
  // Guards what follows; never held while the stream or the consumer is called.
  mutable absl::Mutex mutex_;
  // Pulled by whoever set State::kPulling; Cancel is safe from any thread, hence shared for its
  // duration. Null once abandoned.
  std::shared_ptr<TurnStream> stream_ ABSL_GUARDED_BY(mutex_);
  std::uint64_t events_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status abandoned_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  // The stream became ready while it was pulled: an empty answer may be out of date.
  bool ready_again_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_TURN_PUMP_H_

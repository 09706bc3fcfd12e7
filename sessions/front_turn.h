// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SESSIONS_FRONT_TURN_H_
#define PINTLE_SESSIONS_FRONT_TURN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "contract/ready_signal.h"
#include "contract/turn.h"
#include "contract/turn_placer.h"
#include "sessions/running_turns.h"
#include "sessions/session_store.h"
#include "sessions/turn_admission.h"

namespace pintle {

// One turn between its client's stream and its worker's: binds and places it, sends the worker what
// it lacks (a second time, whole, if its copy proves stale), checks that nothing is lost or
// repeated, and commits or aborts it in the store, once.
//
//   Launch -> [resend] -> Prepared -> Started -> Chunk* -> Finished: CommitTurn
//        any other end, or Abandon: AbortTurn
//
// Thread: Cancel from any thread; everything else belongs to the stream's one consumer.
// Shared by the client's stream and whoever is just cancelling it.
class FrontTurn final : public CancellableTurn {
 public:
  struct Parts {
    TenantId tenant;
    GenerationRequest request;
    absl::Duration deadline = absl::InfiniteDuration();
    std::optional<BegunTurn> begun;  // none for a one-shot
    std::unique_ptr<AdmissionTicket> admission;
  };

  FrontTurn(SessionStore& store, TurnPlacer& placer);

  // Places and starts the turn. On an error it has ended and the store is as before.
  absl::Status Launch(Parts parts, RunningTurns::Entry entry);
  void SetReadyCallback(absl::AnyInvocable<void()> callback);
  std::optional<TurnEvent> Next();
  void Cancel(CancelMode mode, absl::Status why) override;
  // The client's stream is gone: rolls back unless the turn has ended. No callback after it.
  void Abandon();

 private:
  absl::Status Start(bool whole, bool fence);
  TurnRequest RequestFor(const SessionBinding& binding, bool whole) const;
  // Binds the session to its new place; drops its KV at the old one.
  absl::StatusOr<SessionBinding> BindTo(const Placement& placement, bool fence);
  bool ShouldResend(const absl::Status& status) const;
  void Install(std::shared_ptr<TurnStream> stream);

  // Checks and books an event in its place, in `shown`. True if the client gets to see `shown`,
  // which may be another event by then.
  bool Take(TurnPrepared& event, TurnEvent& shown);
  bool Take(TurnStarted& event, TurnEvent& shown);
  bool Take(TurnPromptChunk& event, TurnEvent& shown);
  bool Take(TurnChunk& event, TurnEvent& shown);
  bool Take(TurnChoiceFinished& event, TurnEvent& shown);
  bool Take(TurnFinished& event, TurnEvent& shown);
  bool Take(TurnFailed& event, TurnEvent& shown);
  // The worker broke the protocol: nothing more of it is passed on. Always true.
  bool Break(absl::string_view how, TurnEvent& shown);
  bool IsOpenChoice(std::int32_t choice) const;
  TurnEvent End(absl::Status status);
  void Leave();

  SessionStore& store_;
  TurnPlacer& placer_;
  // Shared with the worker's streams, whose callbacks may still run while this is abandoned.
  const std::shared_ptr<ReadySignal> signal_;

  Parts parts_;
  RunningTurns::Entry entry_;
  Placement placement_;
  bool resent_ = false;
  bool ended_ = false;
  std::optional<TurnPrepared> prepared_;
  bool started_ = false;
  struct Choice {
    std::int32_t next_index = 0;
    bool finished = false;
  };
  std::vector<Choice> choices_;
  // stream_ as the consumer, who alone replaces it, sees it without the lock.
  TurnStream* running_ = nullptr;
  // A stream that was replaced; kept to the end because it may still be on somebody's stack.
  std::shared_ptr<TurnStream> retired_;

  // Guards what Cancel shares with the consumer; no stream is called under it.
  absl::Mutex mutex_;
  // Shared so that Cancel may use it while the consumer replaces it.
  std::shared_ptr<TurnStream> stream_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::pair<CancelMode, absl::Status>> cancel_ ABSL_GUARDED_BY(mutex_);
  bool over_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace pintle

#endif  // PINTLE_SESSIONS_FRONT_TURN_H_

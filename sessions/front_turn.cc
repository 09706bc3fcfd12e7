// SPDX-License-Identifier: Apache-2.0
#include "sessions/front_turn.h"

#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "sessions/turn_cost.h"

namespace pintle {
namespace {

// Whether the worker serves another binding: a newer one, or still a turn of this session that has
// ended here (the store lets one run) and whose cancel is on its way. A raised epoch ends it there.
bool NeedsFence(const absl::Status& status) {
  return HasReason(status, Reason::kStaleEpoch) || HasReason(status, Reason::kSessionBusy);
}

}  // namespace

FrontTurn::FrontTurn(SessionStore& store, TurnPlacer& placer)
    : store_(store), placer_(placer), signal_(std::make_shared<ReadySignal>()) {}

absl::Status FrontTurn::Launch(Parts parts, RunningTurns::Entry entry) {
  parts_ = std::move(parts);
  entry_ = std::move(entry);
  choices_.resize(static_cast<std::size_t>(parts_.request.n));
  if (parts_.begun) entry_.SetSession(parts_.begun->ticket);
  absl::Status status = Start(/*whole=*/false, /*fence=*/false);
  if (ShouldResend(status)) {
    resent_ = true;
    status = Start(/*whole=*/true, NeedsFence(status));
  }
  if (!status.ok()) End(status);
  return status;
}

absl::Status FrontTurn::Start(bool whole, bool fence) {
  PlacementQuery query;
  query.model = parts_.request.model;
  query.session.tenant = parts_.tenant;
  if (parts_.begun) {
    const StoredSession& session = parts_.begun->session;
    query.session = session.key;
    query.bound_worker = session.binding.worker;
    query.bound_incarnation = session.binding.incarnation;
    query.transcript_tokens = session.transcript.position();
  }
  query.new_bytes = InputBytesOf(parts_.request.input);
  query.new_tokens = InputTokensOf(parts_.request.input);
  query.output_tokens = OutputTokensOf(parts_.request);
  PINTLE_ASSIGN_OR_RETURN(Placement placement, placer_.Place(query));
  parts_.request.model = placement.model;
  SessionBinding binding;
  binding.incarnation = placement.incarnation;
  if (parts_.begun) {
    PINTLE_ASSIGN_OR_RETURN(binding, BindTo(placement, fence));
  }
  placement_ = std::move(placement);
  PINTLE_ASSIGN_OR_RETURN(std::shared_ptr<TurnStream> stream,
                          placement_.backend->Start(RequestFor(binding, whole)));
  Install(std::move(stream));
  return absl::OkStatus();
}

absl::StatusOr<SessionBinding> FrontTurn::BindTo(const Placement& placement, bool fence) {
  SessionBinding& known = parts_.begun->session.binding;
  PINTLE_ASSIGN_OR_RETURN(
      SessionBinding binding,
      store_.Bind(parts_.begun->ticket, placement.worker, placement.incarnation, fence));
  if (known.incarnation != 0 && known.incarnation != binding.incarnation) {
    const auto old = placer_.BackendOf(known.worker, known.incarnation);
    if (old != nullptr) old->DropSession(parts_.begun->ticket.key);
  }
  known = binding;
  return binding;
}

TurnRequest FrontTurn::RequestFor(const SessionBinding& binding, bool whole) const {
  TurnRequest turn;
  turn.tenant = parts_.tenant;
  turn.request = parts_.request;
  turn.deadline = parts_.deadline;
  if (!parts_.begun) return turn;
  const StoredSession& session = parts_.begun->session;
  turn.incarnation = binding.incarnation;
  turn.epoch = binding.epoch;
  turn.template_clock = session.template_clock;
  turn.pin = session.pin;
  turn.lease = session.lease;
  turn.base_turns = whole ? 0 : binding.synced_turns;
  turn.base_position = session.transcript.PositionAt(turn.base_turns);
  turn.base_digest = session.transcript.DigestAt(turn.base_turns);
  turn.missing_turns = session.transcript.From(turn.base_turns);
  return turn;
}

bool FrontTurn::ShouldResend(const absl::Status& status) const {
  if (status.ok() || resent_ || started_ || !parts_.begun) return false;
  return HasReason(status, Reason::kPositionMismatch) || NeedsFence(status);
}

void FrontTurn::Install(std::shared_ptr<TurnStream> stream) {
  // The callback keeps the signal on its own stack: the stream that holds the callback may be
  // destroyed while it runs.
  stream->SetReadyCallback([signal = signal_] {
    const std::shared_ptr<ReadySignal> kept = signal;
    kept->Notify();
  });
  std::optional<std::pair<CancelMode, absl::Status>> cancel;
  {
    absl::MutexLock lock(&mutex_);
    retired_ = std::exchange(stream_, stream);
    running_ = stream_.get();
    cancel = cancel_;
  }
  // A cancel that found no stream, or only the one just replaced.
  if (cancel) stream->Cancel(cancel->first, cancel->second);
}

void FrontTurn::SetReadyCallback(absl::AnyInvocable<void()> callback) {
  signal_->SetCallback(std::move(callback));
}

std::optional<TurnEvent> FrontTurn::Next() {
  while (!ended_) {
    std::optional<TurnEvent> event = running_->Next();
    if (!event) {
      if (signal_->ReleaseUnlessNotified()) continue;
      return std::nullopt;
    }
    TurnEvent& shown = *event;
    if (std::visit([&](auto& each) { return Take(each, shown); }, shown)) return event;
  }
  return std::nullopt;
}

bool FrontTurn::Take(TurnPrepared& event, TurnEvent& shown) {
  if (prepared_) return Break("prepared twice", shown);
  prepared_ = std::move(event);
  return false;
}

bool FrontTurn::Take(TurnStarted& /*event*/, TurnEvent& shown) {
  if (!prepared_ || started_) return Break("started out of order", shown);
  started_ = true;
  if (parts_.admission != nullptr) parts_.admission->Started();
  return true;
}

bool FrontTurn::Take(TurnPromptChunk& /*event*/, TurnEvent& shown) {
  return started_ || Break("sent the prompt before its start", shown);
}

bool FrontTurn::IsOpenChoice(std::int32_t choice) const {
  return started_ && choice >= 0 && static_cast<std::size_t>(choice) < choices_.size() &&
         !choices_[static_cast<std::size_t>(choice)].finished;
}

bool FrontTurn::Take(TurnChunk& event, TurnEvent& shown) {
  if (!IsOpenChoice(event.choice)) return Break("sent a chunk of no open choice", shown);
  Choice& choice = choices_[static_cast<std::size_t>(event.choice)];
  if (event.first_index != choice.next_index) {
    return Break(
        absl::StrCat("sent index ", event.first_index, " after ", choice.next_index, " tokens"),
        shown);
  }
  choice.next_index += static_cast<std::int32_t>(event.tokens.size());
  return true;
}

bool FrontTurn::Take(TurnChoiceFinished& event, TurnEvent& shown) {
  if (!IsOpenChoice(event.choice)) return Break("finished no open choice", shown);
  choices_[static_cast<std::size_t>(event.choice)].finished = true;
  return true;
}

bool FrontTurn::Take(TurnFinished& event, TurnEvent& shown) {
  for (const Choice& choice : choices_) {
    if (!choice.finished) return Break("finished before its choices", shown);
  }
  if (parts_.begun) {
    Leave();
    const absl::StatusOr<StoredSession> committed =
        store_.CommitTurn(parts_.begun->ticket, *prepared_, event);
    if (!committed.ok()) {
      shown = End(committed.status());
      return true;
    }
  }
  ended_ = true;
  Leave();
  return true;
}

bool FrontTurn::Take(TurnFailed& event, TurnEvent& shown) {
  bool cancelled = false;
  absl::Status status = std::move(event.status);
  {
    absl::MutexLock lock(&mutex_);
    // What the canceller said is what the client hears, even if a hop made it a bare CANCELLED.
    if (cancel_ && cancel_->first == CancelMode::kRollback) {
      cancelled = true;
      status = cancel_->second;
    }
  }
  if (!cancelled && ShouldResend(status)) {
    resent_ = true;
    prepared_.reset();
    // The new stream may be ready at once, and a consumer inside Next must not be called back.
    signal_->Hold();
    status = Start(/*whole=*/true, NeedsFence(status));
    if (status.ok()) return false;
  }
  shown = End(std::move(status));
  return true;
}

bool FrontTurn::Break(absl::string_view how, TurnEvent& shown) {
  const absl::Status status = MakeError(
      Reason::kModelFailed, absl::StrCat("the worker ", how, "; its turn was rolled back"));
  Cancel(CancelMode::kRollback, status);
  shown = End(status);
  return true;
}

TurnEvent FrontTurn::End(absl::Status status) {
  ended_ = true;
  Leave();
  if (parts_.begun) {
    store_.AbortTurn(parts_.begun->ticket);
    // The worker may have committed a turn of a session that was deleted meanwhile.
    if (HasReason(status, Reason::kSessionDeleted) && placement_.backend != nullptr &&
        !store_.Get(parts_.begun->ticket.key).ok()) {
      placement_.backend->DropSession(parts_.begun->ticket.key);
    }
  }
  return TurnFailed{std::move(status)};
}

void FrontTurn::Leave() {
  entry_.Leave();
  parts_.admission.reset();
  absl::MutexLock lock(&mutex_);
  over_ = true;
}

void FrontTurn::Cancel(CancelMode mode, absl::Status why) {
  std::shared_ptr<TurnStream> stream;
  {
    absl::MutexLock lock(&mutex_);
    if (over_) return;
    // The first rollback decides; it also overrules a partial commit that has not happened yet.
    if (cancel_ && (cancel_->first == CancelMode::kRollback || mode == cancel_->first)) return;
    cancel_.emplace(mode, why);
    stream = stream_;
  }
  if (stream != nullptr) stream->Cancel(mode, std::move(why));
}

void FrontTurn::Abandon() {
  signal_->Close();
  std::shared_ptr<TurnStream> stream;
  {
    absl::MutexLock lock(&mutex_);
    stream = std::move(stream_);
    stream_ = nullptr;
  }
  running_ = nullptr;
  // Ends the worker's turn first: the session's next turn must not meet it.
  stream.reset();
  retired_.reset();
  if (!ended_) End(absl::CancelledError("the client went away"));
  placement_.backend.reset();
}

}  // namespace pintle

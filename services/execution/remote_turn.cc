// SPDX-License-Identifier: Apache-2.0
#include "services/execution/remote_turn.h"

#include <utility>

#include "contract/errors.h"
#include "services/identity/call_metadata.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {
namespace {

absl::Status WorkerLost() {
  return MakeError(Reason::kWorkerLost,
                   "the connection to the worker broke; the session is as before the turn");
}

}  // namespace

void RemoteTurn::Start() {
  self_ = shared_from_this();
  stub_->async()->RunTurn(&context_, &request_, this);
  AddHold();
  StartRead(&response_);
  StartCall();
}

std::optional<TurnEvent> RemoteTurn::Next() {
  absl::ReleasableMutexLock lock(&mutex_);
  std::optional<TurnEvent> event = events_.Pop();
  const bool resume =
      event && state_ == State::kPaused && events_.messages() < kBufferedMessages / 2;
  if (resume) state_ = State::kReading;
  lock.Release();
  if (resume) StartRead(&response_);
  return event;
}

void RemoteTurn::OnReadDone(bool ok) {
  bool read = false;
  bool end = !ok;
  if (ok) {
    absl::StatusOr<TurnEvent> event = FromProto(response_);
    absl::MutexLock lock(&mutex_);
    if (!event.ok()) {
      // The worker speaks another protocol; what follows cannot be trusted either.
      if (cancel_reason_.ok()) cancel_reason_ = std::move(event).status();
      end = true;
    } else if (!ended_ && !detached_) {
      ended_ = IsLast(*event);
      events_.Push(*std::move(event));
    }
    if (detached_) end = true;
    if (!end) {
      read = events_.messages() < kBufferedMessages;
      if (!read) state_ = State::kPaused;
    }
  }
  if (end) {
    {
      absl::MutexLock lock(&mutex_);
      state_ = State::kEnding;
    }
    // Without effect on a call that ended by itself.
    if (ok) context_.TryCancel();
    RemoveHold();
    return;
  }
  if (read) StartRead(&response_);
  signal_.Notify();
}

absl::Status RemoteTurn::FailureOf(const grpc::Status& status) {
  // A cancel may come too late for a call that ends by itself, and still be why it failed.
  const bool cancelled = status.ok() || status.error_code() == grpc::StatusCode::CANCELLED;
  if (cancelled && !cancel_reason_.ok()) return cancel_reason_;
  if (status.ok()) return WorkerLost();  // The stream ended without `committed`.
  absl::Status failure = FromGrpcStatus(status);
  // The worker's own errors carry a detail; what gRPC says of a broken connection does not.
  if (absl::IsUnavailable(failure) && !DetailOf(failure)) return WorkerLost();
  return failure;
}

void RemoteTurn::OnDone(const grpc::Status& status) {
  // Keeps this alive to the end of the function.
  const std::shared_ptr<RemoteTurn> self = std::move(self_);
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kDone;
    if (!ended_) {
      ended_ = true;
      events_.Push(TurnFailed{FailureOf(status)});
    }
  }
  signal_.Notify();
}

void RemoteTurn::Cancel(CancelMode mode, absl::Status why) {
  {
    absl::MutexLock lock(&mutex_);
    if (ended_ || state_ == State::kDone) return;
    if (mode == CancelMode::kRollback && cancel_reason_.ok()) {
      cancel_reason_ = why.ok() ? absl::CancelledError("the turn was cancelled") : std::move(why);
    }
  }
  if (mode == CancelMode::kRollback) {
    context_.TryCancel();
  } else {
    CommitPartial();
  }
}

void RemoteTurn::CommitPartial() {
  // A call of its own, because RunTurn has only one message upwards. A failure of it changes
  // nothing: the turn goes on.
  struct Call {
    grpc::ClientContext context;
    v1::CancelTurnRequest request;
    v1::CancelTurnResponse response;
  };
  auto call = std::make_shared<Call>();
  call->request.set_turn_id(request_.turn_id());
  call->request.set_keep(v1::COMMIT_PARTIAL);
  AddCredentials(cluster_token_, "", call->context);
  stub_->async()->CancelTurn(&call->context, &call->request, &call->response,
                             [call, self = shared_from_this()](grpc::Status) {});
}

void RemoteTurn::Detach() {
  signal_.Close();
  bool release = false;
  {
    absl::MutexLock lock(&mutex_);
    detached_ = true;
    if (state_ == State::kDone) return;
    release = state_ == State::kPaused;
    if (release) state_ = State::kEnding;
  }
  context_.TryCancel();
  if (release) RemoveHold();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_TURN_CALL_H_
#define PINTLE_SERVICES_TURNS_TURN_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <memory>
#include <utility>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/turn.h"
#include "services/turns/call_deadline.h"
#include "services/turns/client_connections.h"
#include "services/turns/turn_pump.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {

// One server-streaming call that carries one turn:
//
//   begin --End (refused)--------------------------------------> finishing --OnDone--> (deleted)
//     | Run                                                          ^
//     v            event                      last event             |
//   pulling ----------------> writing      (TurnFinished: with it;   |
//     ^                          |          TurnFailed: its status) -+
//     +------- OnWriteDone ------+
//   OnCancel (peer gone, deadline): the turn is asked to roll back; its events are dropped until
//   the last one, then finishing.
//
// Writes of calls that share a connection may leave together (ClientConnection).
// One write is in flight at a time; the turn's outbox, not this, holds what a slow reader leaves.
// Thread: gRPC's threads and the turn's; none is ever made to wait. Owns itself until OnDone.
template <typename Response>
class TurnCall : public grpc::ServerWriteReactor<Response> {
 public:
  // `connections` may be null: then each write leaves by itself.
  explicit TurnCall(grpc::CallbackServerContext& context, ClientConnections* connections = nullptr)
      : context_(context), connections_(connections) {}

  void OnWriteDone(bool ok) override {
    if (connection_ != nullptr) connection_->Release();
    if (!ok) broken_ = true;
    pump()->Resume();
  }
  void OnCancel() override {
    if (const std::shared_ptr<TurnPump> running = pump()) {
      running->Cancel(CancelMode::kRollback, WhyCancelled(context_));
    }
  }
  void OnDone() override { delete this; }

 protected:
  // Exactly one of Run and End is called, once, before gRPC gets this.
  void Run(std::unique_ptr<TurnStream> stream) {
    if (connections_ != nullptr) connection_ = connections_->Join(context_.peer());
    auto running = std::make_shared<TurnPump>(
        std::move(stream), [this](const TurnEvent& event) { return Take(event); });
    {
      absl::MutexLock lock(&mutex_);
      pump_ = running;
    }
    Running(running);
    running->Start();
  }
  // Nothing of this object may be touched after it.
  void End(const absl::Status& status) {
    Ended(status);
    this->Finish(ToGrpcStatus(status));
  }

  grpc::CallbackServerContext& context() { return context_; }

  // The turn's pump, before its first event.
  virtual void Running(const std::shared_ptr<TurnPump>& /*pump*/) {}
  // Each event as it goes by; then the outcome, once.
  virtual void Watch(const TurnEvent& /*event*/) {}
  virtual void Ended(const absl::Status& /*status*/) {}

 private:
  bool Take(const TurnEvent& event) {
    Watch(event);
    if (const auto* failed = std::get_if<TurnFailed>(&event)) {
      End(failed->status);
      return false;
    }
    const bool last = IsLast(event);
    if (broken_) {
      // The turn committed, but nobody hears of it.
      if (last) End(WhyCancelled(context_));
      return true;
    }
    // A chunk after a chunk takes its memory over; anything else takes another's place.
    if (!std::holds_alternative<TurnChunk>(event)) response_.Clear();
    if (!ToProto(event, &response_)) return true;
    if (last) {
      Ended(absl::OkStatus());
      this->StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    } else {
      if (connection_ != nullptr) connection_->Hold();
      this->StartWrite(&response_);
    }
    return false;
  }

  std::shared_ptr<TurnPump> pump() ABSL_LOCKS_EXCLUDED(mutex_) {
    absl::MutexLock lock(&mutex_);
    return pump_;
  }

  grpc::CallbackServerContext& context_;
  ClientConnections* const connections_;
  std::shared_ptr<ClientConnection> connection_;  // set before the pump starts
  // Touched by the pump's consumer alone, or while it waits for Resume.
  Response response_;    // of the write in flight
  bool broken_ = false;  // a write failed: nobody reads any more
  // Guards the pointer, which OnCancel may read while Run still runs.
  absl::Mutex mutex_;
  std::shared_ptr<TurnPump> pump_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_TURN_CALL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_REMOTE_TURN_H_
#define PINTLE_SERVICES_EXECUTION_REMOTE_TURN_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "contract/ready_signal.h"
#include "contract/turn.h"
#include "pintle/v1/execution.grpc.pb.h"
#include "services/execution/event_buffer.h"

namespace pintle {

// One RunTurn call as its consumer pulls it:
//
//   Start -> READING -> (buffer full) PAUSED -> (Next made room) READING -> ...
//   READING -> (end of stream, broken connection, cancelled) ENDING -> OnDone -> DONE
//
// gRPC would finish the call while it is PAUSED, so a hold is kept from Start until ENDING.
// Thread: the reactions run on gRPC's threads and only move events; Next and Cancel come from
// anywhere. Owns itself until OnDone; the consumer's stream shares it.
class RemoteTurn final : public grpc::ClientReadReactor<v1::RunTurnResponse>,
                         public std::enable_shared_from_this<RemoteTurn> {
 public:
  // Messages buffered before reading pauses: a round trip's worth, small beside HTTP/2's window.
  static constexpr std::size_t kBufferedMessages = 16;

  explicit RemoteTurn(std::shared_ptr<v1::Execution::Stub> stub) : stub_(std::move(stub)) {}

  // For the caller to fill before Start.
  grpc::ClientContext& context() { return context_; }
  v1::RunTurnRequest& request() { return request_; }
  // Token of the cluster for CancelTurn.
  void set_cluster_token(std::string token) { cluster_token_ = std::move(token); }

  void Start();

  // See TurnStream.
  void SetReadyCallback(absl::AnyInvocable<void()> callback) {
    signal_.SetCallback(std::move(callback));
  }
  std::optional<TurnEvent> Next();
  void Cancel(CancelMode mode, absl::Status why);
  void Detach();

  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  enum class State { kReading, kPaused, kEnding, kDone };

  absl::Status FailureOf(const grpc::Status& status) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CommitPartial();

  const std::shared_ptr<v1::Execution::Stub> stub_;
  grpc::ClientContext context_;
  v1::RunTurnRequest request_;
  v1::RunTurnResponse response_;  // of the read under way
  std::string cluster_token_;
  std::shared_ptr<RemoteTurn> self_;  // until OnDone
  ReadySignal signal_;

  // Guards the buffer and the state; no call into gRPC or the consumer is made under it.
  absl::Mutex mutex_;
  EventBuffer events_ ABSL_GUARDED_BY(mutex_);
  State state_ ABSL_GUARDED_BY(mutex_) = State::kReading;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;  // the last event is in events_ or was taken
  bool detached_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status cancel_reason_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_REMOTE_TURN_H_

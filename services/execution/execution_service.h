// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_
#define PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_

#include <atomic>
#include <vector>

#include "contract/clock.h"
#include "contract/session_kv.h"
#include "contract/turn.h"
#include "pintle/v1/execution.grpc.pb.h"
#include "services/execution/running_calls.h"
#include "services/identity/caller_rules.h"
#include "services/request_log/request_record.h"
#include "services/turns/client_connections.h"

namespace pintle {

// The Execution service: a worker runs turns for its coordinators. The cluster's alone.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class ExecutionService final : public v1::Execution::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;

  // The observers hear of each turn, for the worker's own log and metrics.
  ExecutionService(TurnBackend& turns, const CallerRules& callers, const Clock& clock,
                   std::vector<RequestObserver*> observers, SessionKvBackend& kv)
      : turns_(turns),
        callers_(callers),
        clock_(clock),
        observers_(std::move(observers)),
        kv_(kv) {}

  // New turns are answered DRAINING from now on; running ones end as they would.
  void Drain() { draining_ = true; }
  // Turns that run now.
  std::size_t running() const { return running_.size(); }

  grpc::ServerWriteReactor<v1::RunTurnResponse>* RunTurn(
      Context* context, const v1::RunTurnRequest* request) override;
  grpc::ServerUnaryReactor* CancelTurn(Context* context, const v1::CancelTurnRequest* request,
                                       v1::CancelTurnResponse* response) override;
  grpc::ServerUnaryReactor* DropSession(Context* context, const v1::DropSessionRequest* request,
                                        v1::DropSessionResponse* response) override;
  grpc::ServerUnaryReactor* UpdateSession(Context* context,
                                          const v1::UpdateSessionKvRequest* request,
                                          v1::UpdateSessionKvResponse* response) override;
  grpc::ServerUnaryReactor* QueryHeld(Context* context, const v1::QueryHeldRequest* request,
                                      v1::QueryHeldResponse* response) override;
  grpc::ServerUnaryReactor* ForkKv(Context* context, const v1::ForkKvRequest* request,
                                   v1::ForkKvResponse* response) override;
  grpc::ServerUnaryReactor* TruncateKv(Context* context, const v1::TruncateKvRequest* request,
                                       v1::TruncateKvResponse* response) override;
  grpc::ServerUnaryReactor* ReadKv(Context* context, const v1::ReadKvRequest* request,
                                   v1::ReadKvResponse* response) override;
  grpc::ServerUnaryReactor* WriteKv(Context* context, const v1::WriteKvRequest* request,
                                    v1::WriteKvResponse* response) override;

 private:
  class RunTurnCall;

  absl::Status Cancel(const Context& context, const v1::CancelTurnRequest& request,
                      v1::CancelTurnResponse* response);
  // The key of a request by the cluster.
  absl::StatusOr<SessionKey> KeyOf(const Context& context, const std::string& tenant,
                                   const std::string& session) const;
  absl::StatusOr<std::vector<SessionKey>> KeysOf(const Context& context,
                                                 const v1::QueryHeldRequest& request) const;
  void OpenWrite(const v1::WriteKvRequest::Open& open, v1::WriteKvResponse* response,
                 grpc::ServerUnaryReactor* reactor);
  absl::Status Drop(const Context& context, const v1::DropSessionRequest& request);

  TurnBackend& turns_;
  const CallerRules& callers_;
  const Clock& clock_;
  const std::vector<RequestObserver*> observers_;
  ClientConnections connections_;
  SessionKvBackend& kv_;
  RunningCalls running_;
  std::atomic<bool> draining_{false};
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_

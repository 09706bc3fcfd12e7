// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_
#define PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_

#include <atomic>
#include <vector>

#include "contract/clock.h"
#include "contract/turn.h"
#include "pintle/v1/execution.grpc.pb.h"
#include "services/execution/running_calls.h"
#include "services/identity/caller_rules.h"
#include "services/request_log/request_record.h"

namespace pintle {

// The Execution service: a worker runs turns for its coordinators. The cluster's alone.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class ExecutionService final : public v1::Execution::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;

  // The observers hear of each turn, for the worker's own log and metrics.
  ExecutionService(TurnBackend& turns, const CallerRules& callers, const Clock& clock,
                   std::vector<RequestObserver*> observers)
      : turns_(turns), callers_(callers), clock_(clock), observers_(std::move(observers)) {}

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

 private:
  class RunTurnCall;

  absl::Status Cancel(const Context& context, const v1::CancelTurnRequest& request,
                      v1::CancelTurnResponse* response);
  absl::Status Drop(const Context& context, const v1::DropSessionRequest& request);

  TurnBackend& turns_;
  const CallerRules& callers_;
  const Clock& clock_;
  const std::vector<RequestObserver*> observers_;
  RunningCalls running_;
  std::atomic<bool> draining_{false};
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_EXECUTION_SERVICE_H_

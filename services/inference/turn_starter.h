// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_INFERENCE_TURN_STARTER_H_
#define PINTLE_SERVICES_INFERENCE_TURN_STARTER_H_

#include <atomic>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/clock.h"
#include "contract/ids.h"
#include "contract/turn.h"
#include "pintle/v1/inference.pb.h"
#include "services/request_log/request_recorder.h"
#include "services/turns/client_connections.h"
#include "services/turns/slow_readers.h"
#include "sessions/turn_front.h"

namespace pintle {

// The way from a GenerateRequest to its running turn, the same for a call of its own and for an
// item of a batch.
// Thread: safe from any thread. Borrows everything it is given.
class TurnStarter {
 public:
  TurnStarter(TurnFront& turns, std::vector<RequestObserver*> observers, const Clock& clock)
      : turns_(turns), observers_(std::move(observers)), clock_(clock) {}

  // A recorder for one turn, its clock running.
  std::unique_ptr<RequestRecorder> NewRecorder(const char* method) const;

  // Starts the turn and notes in the record what the request says. Errors are those of
  // Inference.Generate; DRAINING after Drain.
  absl::StatusOr<std::unique_ptr<TurnStream>> Start(const TenantId& tenant,
                                                    const v1::GenerateRequest& request,
                                                    absl::Duration deadline,
                                                    RequestRecord& record) const;

  // From now on no turn starts; running ones go on.
  void Drain() { draining_ = true; }

  // Where running turns are watched for peers that do not read.
  SlowReaders& readers() const { return readers_; }

  // What the running calls' clients are connected by.
  ClientConnections& connections() const { return connections_; }

  TurnFront& turns() const { return turns_; }
  const Clock& clock() const { return clock_; }

 private:
  TurnFront& turns_;
  const std::vector<RequestObserver*> observers_;
  const Clock& clock_;
  std::atomic<bool> draining_{false};
  mutable SlowReaders readers_;
  mutable ClientConnections connections_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_INFERENCE_TURN_STARTER_H_

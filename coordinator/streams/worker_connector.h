// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_STREAMS_WORKER_CONNECTOR_H_
#define PINTLE_COORDINATOR_STREAMS_WORKER_CONNECTOR_H_

#include <memory>

#include "contract/model_info.h"
#include "contract/turn.h"
#include "coordinator/membership/worker_report.h"

namespace pintle {

// A worker process as the coordinator talks to it. Shared by the turns that run there, which may
// outlive its membership by a moment.
struct WorkerConnection {
  std::shared_ptr<TurnBackend> turns;
  std::shared_ptr<TextBackend> text;
};

// Makes connections to workers; services dials, tests connect in process.
// Thread: Connect is called by one thread at a time. Never waits and never fails: a worker that
// cannot be reached fails each call with WORKER_LOST.
class WorkerConnector {
 public:
  virtual ~WorkerConnector() = default;
  virtual WorkerConnection Connect(const WorkerHello& hello) = 0;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_STREAMS_WORKER_CONNECTOR_H_

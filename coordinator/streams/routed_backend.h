// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_STREAMS_ROUTED_BACKEND_H_
#define PINTLE_COORDINATOR_STREAMS_ROUTED_BACKEND_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "contract/turn_placer.h"
#include "coordinator/membership/worker_registry.h"
#include "coordinator/routing/booking_ledger.h"
#include "coordinator/routing/placement_decision.h"
#include "coordinator/streams/routed_worker.h"
#include "coordinator/streams/worker_connector.h"

namespace pintle {

// The fleet as one backend: places each turn on a worker, relays its stream, and ends it when the
// worker is lost. Its text side forwards to any worker of the model.
// Thread: safe from any thread; no worker and no log is called under the lock.
// Owns the connections; borrows registry, connector and clock. It listens to the registry, so it
// must be made before the first worker joins and outlive the registry's last call.
// Fails: as TurnPlacer says; WORKER_LOST with RetryInfo for turns on a lost worker.
class RoutedBackend final : public TurnPlacer, public TextBackend, public MembershipListener {
 public:
  // Takes each placement's one log line, from any thread; may be empty.
  using LogSink = std::function<void(const std::string& line)>;

  RoutedBackend(WorkerRegistry& registry, WorkerConnector& connector, const Clock& clock,
                LogSink log);

  absl::StatusOr<Placement> Place(const PlacementQuery& query) override;
  absl::StatusOr<std::string> ResolveModel(const std::string& model) override;
  std::shared_ptr<TurnBackend> BackendOf(const WorkerId& worker, Incarnation incarnation) override;
  // 0 for a worker process that is gone, else unknown.
  std::optional<std::int64_t> HeldTokens(const SessionKey& key, const WorkerId& worker,
                                         Incarnation incarnation) override;

  // NO_WORKER, MODEL_NOT_FOUND; WORKER_LOST when the worker goes before it answered.
  void Tokenize(TokenizeRequest request, TokenizeCallback done) override;
  // Each served model once, ordered by name.
  std::vector<ModelInfo> ListModels() const override;

  void OnJoin(const WorkerHello& hello) override;
  void OnLeave(const WorkerId& worker, Incarnation incarnation) override;

 private:
  class PlacedTurn;
  struct Ledger;

  std::shared_ptr<RoutedWorker> WorkerOf(const WorkerId& worker, Incarnation incarnation) const;

  WorkerRegistry& registry_;
  WorkerConnector& connector_;
  const Clock& clock_;
  const LogSink log_;
  // Shared with placed turns, which give their booking back whenever they end.
  const std::shared_ptr<Ledger> ledger_;
  // Guards the table.
  mutable absl::Mutex mutex_;
  std::map<WorkerId, std::shared_ptr<RoutedWorker>> workers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_STREAMS_ROUTED_BACKEND_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_COORDINATOR_PROCESS_FLEET_DESK_H_
#define PINTLE_COORDINATOR_PROCESS_FLEET_DESK_H_

#include "contract/clock.h"
#include "coordinator/membership/worker_registry.h"
#include "services/fleet/fleet_service.h"
#include "services/registry/registry_service.h"
#include "sessions/session_store.h"

namespace pintle {

// The registry as the Registry and Fleet services speak to it: messages in, messages out.
// Thread: safe from any thread. Borrows everything it is given.
class FleetDesk final : public FleetMembership, public FleetSource {
 public:
  FleetDesk(WorkerRegistry& registry, const SessionStore& sessions, const Clock& clock)
      : registry_(registry), sessions_(sessions), clock_(clock) {}

  absl::StatusOr<std::uint64_t> Join(const v1::WorkerHello& hello, std::uint64_t sequence) override;
  absl::Status Report(std::uint64_t registration, std::uint64_t sequence,
                      const v1::WorkerLoad& load) override;
  void Leave(std::uint64_t registration) override { registry_.Leave(registration); }

  void ListWorkers(v1::ListWorkersResponse* out) const override;

 private:
  WorkerRegistry& registry_;
  const SessionStore& sessions_;
  const Clock& clock_;
};

}  // namespace pintle

#endif  // PINTLE_COORDINATOR_PROCESS_FLEET_DESK_H_

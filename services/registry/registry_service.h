// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_REGISTRY_REGISTRY_SERVICE_H_
#define PINTLE_SERVICES_REGISTRY_REGISTRY_SERVICE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/limits.h"
#include "pintle/v1/registry.grpc.pb.h"
#include "services/identity/caller_rules.h"

namespace pintle {

// Whoever keeps the fleet: the coordinator's membership. Identical to WorkerRegistry's verbs, on
// messages.
// Thread: safe from any thread; never waits.
class FleetMembership {
 public:
  virtual ~FleetMembership() = default;
  // The stream's first report; the registration's number, never 0.
  virtual absl::StatusOr<std::uint64_t> Join(const v1::WorkerHello& hello,
                                             std::uint64_t sequence) = 0;
  virtual absl::Status Report(std::uint64_t registration, std::uint64_t sequence,
                              const v1::WorkerLoad& load) = 0;
  virtual void Leave(std::uint64_t registration) = 0;
};

// The Registry service of a coordinator: each stream is one worker's membership. The cluster's
// alone.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class RegistryService final : public v1::Registry::CallbackService {
 public:
  RegistryService(FleetMembership& fleet, const CallerRules& callers,
                  absl::Duration report_interval = limits::kReportInterval)
      : fleet_(fleet), callers_(callers), report_interval_(report_interval) {}

  grpc::ServerBidiReactor<v1::WorkerReport, v1::CoordinatorDirective>* Register(
      grpc::CallbackServerContext* context) override;

 private:
  class RegisterCall;

  FleetMembership& fleet_;
  const CallerRules& callers_;
  const absl::Duration report_interval_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_REGISTRY_REGISTRY_SERVICE_H_

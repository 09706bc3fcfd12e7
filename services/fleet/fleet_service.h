// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_FLEET_FLEET_SERVICE_H_
#define PINTLE_SERVICES_FLEET_FLEET_SERVICE_H_

#include "pintle/v1/fleet.grpc.pb.h"
#include "services/identity/caller_rules.h"

namespace pintle {

// Whoever knows the fleet: the coordinator.
// Thread: safe from any thread; never waits.
class FleetSource {
 public:
  virtual ~FleetSource() = default;
  // Adds every worker, ordered by id.
  virtual void ListWorkers(v1::ListWorkersResponse* out) const = 0;
};

// The Fleet service of a coordinator; the admin's alone.
// Thread: gRPC's. Borrows everything it is given, until its server is shut down.
class FleetService final : public v1::Fleet::CallbackService {
 public:
  using Context = grpc::CallbackServerContext;
  using Unary = grpc::ServerUnaryReactor;

  FleetService(const FleetSource& source, const CallerRules& callers)
      : source_(source), callers_(callers) {}

  Unary* ListWorkers(Context* context, const v1::ListWorkersRequest* request,
                     v1::ListWorkersResponse* response) override;
  // Not yet.
  Unary* DrainWorker(Context* context, const v1::DrainWorkerRequest* request,
                     v1::DrainWorkerResponse* response) override;
  Unary* ResumeWorker(Context* context, const v1::ResumeWorkerRequest* request,
                      v1::ResumeWorkerResponse* response) override;
  Unary* MigrateSession(Context* context, const v1::MigrateSessionRequest* request,
                        v1::MigrateSessionResponse* response) override;

 private:
  Unary* NotYet(Context* context, const char* method) const;

  const FleetSource& source_;
  const CallerRules& callers_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_FLEET_FLEET_SERVICE_H_

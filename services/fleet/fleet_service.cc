// SPDX-License-Identifier: Apache-2.0
#include "services/fleet/fleet_service.h"

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "services/identity/call_metadata.h"
#include "services/wire/status_conversion.h"

namespace pintle {

FleetService::Unary* FleetService::ListWorkers(Context* context,
                                               const v1::ListWorkersRequest* /*request*/,
                                               v1::ListWorkersResponse* response) {
  auto* reactor = context->DefaultReactor();
  const absl::Status status = callers_.RequireAdmin(CredentialsOf(*context));
  if (status.ok()) source_.ListWorkers(response);
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

FleetService::Unary* FleetService::NotYet(Context* context, const char* method) const {
  auto* reactor = context->DefaultReactor();
  absl::Status status = callers_.RequireAdmin(CredentialsOf(*context));
  if (status.ok()) {
    status = MakeError(Reason::kNotYet, absl::StrCat(method, " is not there yet"));
  }
  reactor->Finish(ToGrpcStatus(status));
  return reactor;
}

FleetService::Unary* FleetService::DrainWorker(Context* context,
                                               const v1::DrainWorkerRequest* /*request*/,
                                               v1::DrainWorkerResponse* /*response*/) {
  return NotYet(context, "DrainWorker");
}

FleetService::Unary* FleetService::ResumeWorker(Context* context,
                                                const v1::ResumeWorkerRequest* /*request*/,
                                                v1::ResumeWorkerResponse* /*response*/) {
  return NotYet(context, "ResumeWorker");
}

FleetService::Unary* FleetService::MigrateSession(Context* context,
                                                  const v1::MigrateSessionRequest* /*request*/,
                                                  v1::MigrateSessionResponse* /*response*/) {
  return NotYet(context, "MigrateSession");
}

}  // namespace pintle

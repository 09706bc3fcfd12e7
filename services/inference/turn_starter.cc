// SPDX-License-Identifier: Apache-2.0
#include "services/inference/turn_starter.h"

#include <utility>

#include "contract/errors.h"
#include "contract/request_rules.h"
#include "contract/status_macros.h"
#include "services/wire/generation_conversion.h"

namespace pintle {
namespace {

// Only names that keep the rules reach the log: it must not be a client's megaphone.
std::string NameForLog(const std::string& name) {
  return ValidateName("name", name).ok() ? name : std::string();
}

}  // namespace

std::unique_ptr<RequestRecorder> TurnStarter::NewRecorder(const char* method) const {
  auto recorder = std::make_unique<RequestRecorder>(observers_, clock_);
  recorder->record().method = method;
  return recorder;
}

absl::StatusOr<std::unique_ptr<TurnStream>> TurnStarter::Start(const TenantId& tenant,
                                                               const v1::GenerateRequest& request,
                                                               absl::Duration deadline,
                                                               RequestRecord& record) const {
  record.tenant = tenant.value();
  record.session = NameForLog(request.session());
  record.request_id = NameForLog(request.request_id());
  record.model = NameForLog(request.model());
  if (draining_) return MakeError(Reason::kDraining, "this server is shutting down");
  PINTLE_ASSIGN_OR_RETURN(GenerationRequest converted, FromProto(request));
  return turns_.Generate(tenant, std::move(converted), deadline);
}

}  // namespace pintle

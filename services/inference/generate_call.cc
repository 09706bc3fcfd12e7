// SPDX-License-Identifier: Apache-2.0
#include "services/inference/generate_call.h"

#include <utility>

#include "services/identity/call_metadata.h"

namespace pintle {

void GenerateCall::Begin(const absl::StatusOr<TenantId>& tenant,
                         const v1::GenerateRequest& request) {
  RequestRecord& record = recorder_->record();
  record.traceparent = TraceparentOf(context());
  if (!tenant.ok()) return End(tenant.status());
  absl::StatusOr<std::unique_ptr<TurnStream>> stream =
      starter_.Start(*tenant, request, DeadlineOf(context(), starter_.clock()), record);
  if (!stream.ok()) return End(stream.status());
  Run(*std::move(stream));
}

}  // namespace pintle

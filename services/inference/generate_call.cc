// SPDX-License-Identifier: Apache-2.0
#include "services/inference/generate_call.h"

#include <utility>
#include <variant>

#include "services/identity/call_metadata.h"
#include "services/turns/call_deadline.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {

void GenerateCall::Begin(const absl::StatusOr<TenantId>& tenant,
                         const v1::GenerateRequest& request) {
  RequestRecord& record = recorder_->record();
  record.traceparent = TraceparentOf(context_);
  if (!tenant.ok()) return End(tenant.status());
  absl::StatusOr<std::unique_ptr<TurnStream>> stream =
      starter_.Start(*tenant, request, DeadlineOf(context_, starter_.clock()), record);
  if (!stream.ok()) return End(stream.status());
  auto pump = std::make_shared<TurnPump>(*std::move(stream),
                                         [this](TurnEvent event) { return Take(std::move(event)); });
  {
    absl::MutexLock lock(&mutex_);
    pump_ = pump;
  }
  pump->Start();
}

std::shared_ptr<TurnPump> GenerateCall::pump() {
  absl::MutexLock lock(&mutex_);
  return pump_;
}

bool GenerateCall::Take(TurnEvent event) {
  recorder_->OnEvent(event);
  if (const auto* failed = std::get_if<TurnFailed>(&event)) {
    End(failed->status);
    return false;
  }
  const bool last = IsLast(event);
  if (broken_) {
    // The turn committed, but nobody hears of it.
    if (last) End(WhyCancelled(context_));
    return true;
  }
  response_.Clear();
  if (!ToProto(event, &response_)) return true;
  if (last) {
    recorder_->End(absl::OkStatus());
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
    return false;
  }
  StartWrite(&response_);
  return false;
}

void GenerateCall::End(const absl::Status& status) {
  recorder_->End(status);
  Finish(ToGrpcStatus(status));
}

void GenerateCall::OnWriteDone(bool ok) {
  if (!ok) broken_ = true;
  pump()->Resume();
}

void GenerateCall::OnCancel() {
  if (const std::shared_ptr<TurnPump> running = pump()) {
    running->Cancel(CancelMode::kRollback, WhyCancelled(context_));
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/inference/batch_call.h"

#include <utility>
#include <variant>
#include <vector>

#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/request_rules.h"
#include "google/rpc/status.pb.h"
#include "services/identity/call_metadata.h"
#include "services/turns/call_deadline.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {

void BatchCall::Begin(absl::StatusOr<TenantId> tenant) {
  if (!tenant.ok()) {
    {
      absl::MutexLock lock(&mutex_);
      finished_ = true;
    }
    return Finish(ToGrpcStatus(tenant.status()));
  }
  tenant_ = *std::move(tenant);
  Next next;
  {
    absl::MutexLock lock(&mutex_);
    next = Decide();
  }
  Do(next);
}

BatchCall::Next BatchCall::Decide() {
  Next next;
  if (finished_) return next;
  // An answer that waits is bounded with the items: refused items have one too.
  const std::size_t load = items_.size() + answers_.size();
  if (!closed_ && !reading_ && !handling_ && load < limits::kBatchInFlight) {
    next.read = reading_ = true;
  }
  if (!writing_ && !answers_.empty()) next.write = writing_ = true;
  if (closed_ && !handling_ && !reading_ && !writing_ && answers_.empty() && items_.empty()) {
    next.finish = finished_ = true;
  }
  return next;
}

void BatchCall::Do(const Next& next) {
  if (next.read) StartRead(&request_);
  if (next.write) {
    const v1::GenerateBatchResponse* response = nullptr;
    {
      absl::MutexLock lock(&mutex_);
      response = &answers_.front().response;
    }
    StartWrite(response);
  }
  // Nothing of this object may be touched after it.
  if (next.finish) {
    Finish(context_.IsCancelled() ? ToGrpcStatus(WhyCancelled(context_)) : grpc::Status::OK);
  }
}

void BatchCall::OnReadDone(bool ok) {
  Next next;
  {
    absl::MutexLock lock(&mutex_);
    reading_ = false;
    if (!ok) {
      closed_ = true;
      next = Decide();
    } else {
      handling_ = true;
    }
  }
  if (!ok) return Do(next);
  if (request_.has_generate()) {
    HandleGenerate(request_.generate());
  } else if (request_.has_cancel()) {
    HandleCancel(request_.cancel());
  } else {
    SendError("", InvalidField("item", "is missing: set generate or cancel"), false);
  }
  {
    absl::MutexLock lock(&mutex_);
    handling_ = false;
    next = Decide();
  }
  Do(next);
}

void BatchCall::HandleGenerate(const v1::GenerateRequest& request) {
  const std::string& id = request.request_id();
  if (absl::Status status = ValidateName("request_id", id); !status.ok()) {
    return SendError("", status, false);
  }
  bool reused = false;
  {
    absl::MutexLock lock(&mutex_);
    reused = items_.contains(id);
  }
  if (reused) {
    return SendError(
        id, MakeError(Reason::kRequestIdReused, "an item with this request_id is running"), false);
  }
  std::unique_ptr<RequestRecorder> recorder = starter_.NewRecorder("GenerateBatch");
  recorder->record().traceparent = TraceparentOf(context_);
  absl::StatusOr<std::unique_ptr<TurnStream>> stream =
      starter_.Start(tenant_, request, DeadlineOf(context_, starter_.clock()), recorder->record());
  if (!stream.ok()) {
    recorder->End(stream.status());
    return SendError(id, stream.status(), false);
  }
  RequestRecorder& watched = *recorder;
  auto pump = std::make_shared<TurnPump>(
      *std::move(stream),
      [this, id, &watched](const TurnEvent& event) { return Take(id, watched, event); });
  starter_.readers().Watch(pump);
  bool broken = false;
  {
    absl::MutexLock lock(&mutex_);
    items_[id] = {std::move(recorder), pump};
    broken = broken_;
  }
  // A cancel that came before the item was listed did not reach it.
  if (broken) pump->Cancel(CancelMode::kRollback, WhyCancelled(context_));
  pump->Start();
}

void BatchCall::HandleCancel(const v1::CancelGenerateRequest& request) {
  const absl::StatusOr<CancelMode> mode = FromProto(request.keep());
  if (!mode.ok()) return SendError(request.request_id(), mode.status(), false);
  const absl::StatusOr<bool> found = starter_.turns().CancelGenerate(
      tenant_, SessionId(request.session()), RequestId(request.request_id()), *mode);
  // The cancelled item's own end tells; a turn that is over needs no telling.
  if (!found.ok()) SendError(request.request_id(), found.status(), false);
}

bool BatchCall::Take(const std::string& id, RequestRecorder& recorder, const TurnEvent& event) {
  recorder.OnEvent(event);
  if (const auto* failed = std::get_if<TurnFailed>(&event)) {
    recorder.End(failed->status);
    SendError(id, failed->status, true);
    return false;
  }
  Answer answer;
  answer.last = IsLast(event);
  if (answer.last) recorder.End(absl::OkStatus());
  if (!ToProto(event, answer.response.mutable_response())) return true;
  answer.response.set_request_id(id);
  Send(std::move(answer));
  return false;
}

void BatchCall::SendError(const std::string& id, const absl::Status& status, bool ends_item) {
  Answer answer;
  answer.last = ends_item;
  answer.response.set_request_id(id);
  *answer.response.mutable_error() = ToRpcStatus(status);
  Send(std::move(answer));
}

void BatchCall::Send(Answer answer) {
  Next next;
  {
    absl::MutexLock lock(&mutex_);
    answers_.push_back(std::move(answer));
    next = Decide();
  }
  Do(next);
}

void BatchCall::OnWriteDone(bool ok) {
  Next next;
  std::shared_ptr<TurnPump> resumed;
  Item ended;  // destroyed outside the lock: it holds a stream
  {
    absl::MutexLock lock(&mutex_);
    writing_ = false;
    if (!ok) broken_ = true;
    const Answer& written = answers_.front();
    const auto item = items_.find(written.response.request_id());
    if (item != items_.end()) {
      if (written.last) {
        ended = std::move(item->second);
        items_.erase(item);
      } else if (written.response.has_response()) {
        resumed = item->second.pump;
      }
    }
    answers_.pop_front();
    next = Decide();
  }
  Do(next);
  // The item still runs, so the call is not finished and this object lives.
  if (resumed) resumed->Resume();
}

void BatchCall::OnCancel() {
  std::vector<std::shared_ptr<TurnPump>> running;
  {
    absl::MutexLock lock(&mutex_);
    broken_ = true;
    for (const auto& [id, item] : items_) running.push_back(item.pump);
  }
  for (const auto& pump : running) pump->Cancel(CancelMode::kRollback, WhyCancelled(context_));
}

}  // namespace pintle

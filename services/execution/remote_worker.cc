// SPDX-License-Identifier: Apache-2.0
#include "services/execution/remote_worker.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "contract/errors.h"
#include "services/execution/remote_turn.h"
#include "services/identity/call_metadata.h"
#include "services/wire/cache_conversion.h"
#include "services/wire/generation_conversion.h"
#include "services/wire/status_conversion.h"
#include "services/wire/turn_conversion.h"

namespace pintle {
namespace {

// Unary calls inside the cluster answer at once or their peer is in trouble.
constexpr absl::Duration kUnaryDeadline = absl::Seconds(10);
// A dashboard rather misses a worker than waits for it.
constexpr absl::Duration kStatsDeadline = absl::Seconds(1);

void SetDeadline(absl::Duration left, grpc::ClientContext& context) {
  if (left == absl::InfiniteDuration()) return;
  context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoNanoseconds(left));
}

class RemoteStream final : public TurnStream {
 public:
  explicit RemoteStream(std::shared_ptr<RemoteTurn> turn) : turn_(std::move(turn)) {}
  ~RemoteStream() override { turn_->Detach(); }

  void SetReadyCallback(absl::AnyInvocable<void()> callback) override {
    turn_->SetReadyCallback(std::move(callback));
  }
  std::optional<TurnEvent> Next() override { return turn_->Next(); }
  void Cancel(CancelMode mode, absl::Status why) override { turn_->Cancel(mode, std::move(why)); }

 private:
  std::shared_ptr<RemoteTurn> turn_;
};

}  // namespace

RemoteWorker::RemoteWorker(RemoteWorkerOptions options,
                           const std::shared_ptr<grpc::Channel>& channel, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      execution_(v1::Execution::NewStub(channel)),
      inference_(v1::Inference::NewStub(channel)),
      cache_(v1::CacheStats::NewStub(channel)) {}

absl::StatusOr<std::unique_ptr<TurnStream>> RemoteWorker::Start(TurnRequest turn) {
  auto call = std::make_shared<RemoteTurn>(execution_);
  ToProto(turn, &call->request());
  call->request().set_turn_id(absl::StrCat(options_.turn_prefix, "-", next_turn_.fetch_add(1)));
  call->set_cluster_token(options_.cluster_token);
  AddCredentials(options_.cluster_token, "", call->context());
  if (turn.deadline != absl::InfiniteDuration()) {
    const absl::Duration left = turn.deadline - clock_.Monotonic();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("the deadline passed before the turn was sent");
    }
    SetDeadline(left, call->context());
  }
  call->Start();
  return std::make_unique<RemoteStream>(std::move(call));
}

void RemoteWorker::DropSession(const SessionKey& key) {
  struct Call {
    grpc::ClientContext context;
    v1::DropSessionRequest request;
    v1::DropSessionResponse response;
  };
  auto call = std::make_shared<Call>();
  call->request.set_tenant(key.tenant.value());
  call->request.set_session(key.session.value());
  AddCredentials(options_.cluster_token, "", call->context);
  SetDeadline(kUnaryDeadline, call->context);
  // Nothing to do about a failure: a worker that cannot be reached has lost the session anyway.
  execution_->async()->DropSession(&call->context, &call->request, &call->response,
                                   [call](grpc::Status) {});
}

void RemoteWorker::Tokenize(TokenizeRequest request, TokenizeCallback done) {
  struct Call {
    grpc::ClientContext context;
    v1::TokenizeRequest request;
    v1::TokenizeResponse response;
    TokenizeCallback done;
  };
  auto call = std::make_shared<Call>();
  ToProto(request, &call->request);
  call->done = std::move(done);
  AddCredentials(options_.cluster_token, "", call->context);
  SetDeadline(kUnaryDeadline, call->context);
  inference_->async()->Tokenize(
      &call->context, &call->request, &call->response, [call](const grpc::Status& status) {
        if (status.ok()) return call->done(FromProto(call->response));
        absl::Status failure = FromGrpcStatus(status);
        if (!DetailOf(failure) && absl::IsUnavailable(failure)) {
          failure = MakeError(Reason::kWorkerLost, "the worker cannot be reached");
        }
        call->done(std::move(failure));
      });
}

void RemoteWorker::GetCacheReport(const CacheQuery& query,
                                  absl::AnyInvocable<void(absl::StatusOr<CacheReport>)> done) {
  struct Call {
    grpc::ClientContext context;
    v1::GetCacheStatsRequest request;
    v1::GetCacheStatsResponse response;
    TenantId tenant;
    absl::AnyInvocable<void(absl::StatusOr<CacheReport>)> done;
  };
  auto call = std::make_shared<Call>();
  call->request.set_include_sessions(query.include_sessions);
  call->request.set_page_size(static_cast<std::int32_t>(query.page_size));
  call->request.set_page_token(query.after.value());
  call->tenant = query.tenant;
  call->done = std::move(done);
  AddCredentials(options_.cluster_token, query.tenant.value(), call->context);
  SetDeadline(kStatsDeadline, call->context);
  cache_->async()->GetCacheStats(
      &call->context, &call->request, &call->response, [call](const grpc::Status& status) {
        if (!status.ok()) return call->done(FromGrpcStatus(status));
        if (call->response.workers_size() != 1) {
          return call->done(MakeError(Reason::kModelFailed, "a worker reports on itself alone"));
        }
        call->done(FromProto(call->response.workers(0), call->tenant));
      });
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/execution/remote_session_kv.h"

#include <chrono>
#include <utility>

#include "absl/time/time.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "services/identity/call_metadata.h"
#include "services/wire/message_conversion.h"
#include "services/wire/pin_conversion.h"
#include "services/wire/session_kv_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

absl::Status FailureOf(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status failure = FromGrpcStatus(status);
  if (!DetailOf(failure) && (absl::IsUnavailable(failure) || absl::IsDeadlineExceeded(failure))) {
    return MakeError(Reason::kWorkerLost, "the worker cannot be reached");
  }
  return failure;
}

// A call of one request and one response, kept alive by its own callback.
template <typename Request, typename Response>
struct Call {
  grpc::ClientContext context;
  Request request;
  Response response;
};

template <typename Request, typename Response>
std::shared_ptr<Call<Request, Response>> NewCall(const std::string& token) {
  auto call = std::make_shared<Call<Request, Response>>();
  AddCredentials(token, "", call->context);
  // Every answer comes between two steps; a worker that needs longer is in trouble.
  call->context.set_deadline(std::chrono::system_clock::now() +
                             absl::ToChronoNanoseconds(limits::kTransferIdle));
  return call;
}

}  // namespace

RemoteSessionKv::RemoteSessionKv(std::string cluster_token,
                                 const std::shared_ptr<grpc::Channel>& channel)
    : cluster_token_(std::move(cluster_token)), stub_(v1::Execution::NewStub(channel)) {}

void RemoteSessionKv::Update(const SessionKey& key, Epoch epoch, SessionTerms terms,
                             VerdictDone done) {
  auto call = NewCall<v1::UpdateSessionKvRequest, v1::UpdateSessionKvResponse>(cluster_token_);
  call->request.set_tenant(key.tenant.value());
  call->request.set_session(key.session.value());
  call->request.set_epoch(epoch);
  ToProto(terms, &call->request);
  stub_->async()->UpdateSession(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<VerdictDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        (*done)(FromProto(call->response.verdict()));
      });
}

void RemoteSessionKv::Fork(const SessionKey& from, const SessionKey& to, Position position,
                           Done done) {
  auto call = NewCall<v1::ForkKvRequest, v1::ForkKvResponse>(cluster_token_);
  call->request.set_tenant(from.tenant.value());
  call->request.set_session(from.session.value());
  call->request.set_new_session(to.session.value());
  call->request.set_position(position);
  auto& async = *stub_->async();
  async.ForkKv(&call->context, &call->request, &call->response,
               [call, done = std::make_shared<Done>(std::move(done))](const grpc::Status& status) {
                 (*done)(FailureOf(status));
               });
}

void RemoteSessionKv::Truncate(const SessionKey& key, Position position, Done done) {
  auto call = NewCall<v1::TruncateKvRequest, v1::TruncateKvResponse>(cluster_token_);
  call->request.set_tenant(key.tenant.value());
  call->request.set_session(key.session.value());
  call->request.set_position(position);
  stub_->async()->TruncateKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<Done>(std::move(done))](const grpc::Status& status) {
        (*done)(FailureOf(status));
      });
}

void RemoteSessionKv::QueryHeld(std::vector<SessionKey> keys, HeldDone done) {
  auto call = NewCall<v1::QueryHeldRequest, v1::QueryHeldResponse>(cluster_token_);
  // Sessions are listed tenant by tenant.
  if (!keys.empty()) call->request.set_tenant(keys.front().tenant.value());
  for (const SessionKey& key : keys) call->request.add_sessions(key.session.value());
  stub_->async()->QueryHeld(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<HeldDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        const auto& held = call->response.held_tokens();
        (*done)(std::vector<std::int64_t>(held.begin(), held.end()));
      });
}

void RemoteSessionKv::OpenRead(const SessionKey& key, Position tokens_max, ReadingDone done) {
  auto call = NewCall<v1::ReadKvRequest, v1::ReadKvResponse>(cluster_token_);
  auto* open = call->request.mutable_open();
  open->set_tenant(key.tenant.value());
  open->set_session(key.session.value());
  open->set_tokens_max(tokens_max);
  stub_->async()->ReadKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<ReadingDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        const auto& opened = call->response.opened();
        (*done)(KvReading{opened.transfer(), FromProto(opened.shape()), opened.tokens(),
                          opened.digest()});
      });
}

void RemoteSessionKv::Read(KvTransferId transfer, PortionDone done) {
  auto call = NewCall<v1::ReadKvRequest, v1::ReadKvResponse>(cluster_token_);
  call->request.set_read(transfer);
  stub_->async()->ReadKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<PortionDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        (*done)(FromProto(std::move(*call->response.mutable_portion())));
      });
}

void RemoteSessionKv::OpenWrite(KvWriting writing, TransferDone done) {
  auto call = NewCall<v1::WriteKvRequest, v1::WriteKvResponse>(cluster_token_);
  auto* open = call->request.mutable_open();
  open->set_tenant(writing.key.tenant.value());
  open->set_session(writing.key.session.value());
  ToProto(writing.shape, open->mutable_shape());
  ToProto(writing.tokens, open->mutable_token_ids());
  open->set_trusted(writing.trusted);
  stub_->async()->WriteKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<TransferDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        (*done)(call->response.transfer());
      });
}

void RemoteSessionKv::Write(KvTransferId transfer, KvPortion portion, Done done) {
  auto call = NewCall<v1::WriteKvRequest, v1::WriteKvResponse>(cluster_token_);
  call->request.mutable_portion()->set_transfer(transfer);
  ToProto(std::move(portion), call->request.mutable_portion()->mutable_portion());
  stub_->async()->WriteKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<Done>(std::move(done))](const grpc::Status& status) {
        (*done)(FailureOf(status));
      });
}

void RemoteSessionKv::FinishWrite(KvTransferId transfer, TokensDone done) {
  auto call = NewCall<v1::WriteKvRequest, v1::WriteKvResponse>(cluster_token_);
  call->request.set_finish(transfer);
  stub_->async()->WriteKv(
      &call->context, &call->request, &call->response,
      [call, done = std::make_shared<TokensDone>(std::move(done))](const grpc::Status& status) {
        if (!status.ok()) return (*done)(FailureOf(status));
        (*done)(call->response.tokens());
      });
}

void RemoteSessionKv::Close(KvTransferId transfer) {
  // It may be of either kind; the worker ignores what it does not know.
  auto read = NewCall<v1::ReadKvRequest, v1::ReadKvResponse>(cluster_token_);
  read->request.set_close(transfer);
  stub_->async()->ReadKv(&read->context, &read->request, &read->response,
                         [read](const grpc::Status&) {});
}

}  // namespace pintle

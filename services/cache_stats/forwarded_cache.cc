// SPDX-License-Identifier: Apache-2.0
#include "services/cache_stats/forwarded_cache.h"

#include <chrono>

#include "contract/errors.h"
#include "services/identity/call_metadata.h"
#include "services/turns/refused_call.h"
#include "services/wire/status_conversion.h"

namespace pintle {
namespace {

// Answers come between two steps of the engine, or the worker is in trouble.
constexpr std::chrono::seconds kUnaryDeadline(10);

// As which the worker is asked: for one tenant, or for all of them when none is named.
std::string TenantOf(const CacheSight& sight) {
  return sight.all ? std::string() : sight.tenant.value();
}

absl::Status FailureOf(const grpc::Status& status) {
  absl::Status failure = FromGrpcStatus(status);
  if (absl::IsUnavailable(failure) && !DetailOf(failure)) {
    return MakeError(Reason::kWorkerLost, "the worker cannot be reached");
  }
  return failure;
}

// One watcher of a worker behind this process:
//
//   begin -> reading --OnReadDone--> writing --OnWriteDone--> reading ...
//   the worker ends: its status ends the call; the watcher leaves: the worker's call is cancelled
//
// A slow watcher slows the reading, and the worker's ring does the rest.
// Thread: gRPC's. Owns itself until both calls are done.
class ForwardedWatch final : public CacheOperations::WatchReactor {
 public:
  ForwardedWatch(const CachePeer& peer, const CacheSight& sight,
                 const v1::WatchCacheEventsRequest& request)
      : stub_(peer.stub), request_(request), upstream_(*this) {
    AddCredentials(peer.cluster_token, TenantOf(sight), context_);
    stub_->async()->WatchCacheEvents(&context_, &request_, &upstream_);
    upstream_.StartRead(&response_);
    upstream_.StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) context_.TryCancel();
    upstream_.StartRead(&response_);
  }
  void OnCancel() override { context_.TryCancel(); }
  // Comes after Finish, which comes after the worker's call was done.
  void OnDone() override { delete this; }

 private:
  class Upstream final : public grpc::ClientReadReactor<v1::WatchCacheEventsResponse> {
   public:
    explicit Upstream(ForwardedWatch& call) : call_(call) {}
    void OnReadDone(bool ok) override {
      if (ok) call_.StartWrite(&call_.response_);
    }
    void OnDone(const grpc::Status& status) override {
      call_.Finish(ToGrpcStatus(FailureOf(status)));
    }

   private:
    ForwardedWatch& call_;
  };

  const std::shared_ptr<v1::CacheStats::Stub> stub_;
  const v1::WatchCacheEventsRequest request_;
  grpc::ClientContext context_;
  v1::WatchCacheEventsResponse response_;
  Upstream upstream_;
};

template <typename Request>
struct UnaryCall {
  std::shared_ptr<v1::CacheStats::Stub> stub;
  grpc::ClientContext context;
  Request request;
  CacheOperations::Done done;
};

// `start` begins the call on the peer's stub.
template <typename Request, typename Start>
void Forward(const CachePeer& peer, const std::string& tenant, const Request& request,
             CacheOperations::Done done, Start start) {
  auto call = std::make_shared<UnaryCall<Request>>();
  call->stub = peer.stub;
  call->request = request;
  call->done = std::move(done);
  AddCredentials(peer.cluster_token, tenant, call->context);
  call->context.set_deadline(std::chrono::system_clock::now() + kUnaryDeadline);
  start(*call, [call](const grpc::Status& status) { call->done(FailureOf(status)); });
}

}  // namespace

CacheOperations::WatchReactor* ForwardedCache::Watch(const CacheSight& sight,
                                                     const v1::WatchCacheEventsRequest& request) {
  const absl::StatusOr<CachePeer> peer = peers_.FindPeer(request.worker());
  // Both own themselves until OnDone.
  if (!peer.ok()) return new RefusedCall<WatchReactor>(peer.status());
  return new ForwardedWatch(*peer, sight, request);
}

void ForwardedCache::Explain(const CacheSight& sight, const v1::ExplainEvictionRequest& request,
                             v1::ExplainEvictionResponse* response, Done done) {
  const absl::StatusOr<CachePeer> peer = peers_.FindPeer(request.worker());
  if (!peer.ok()) return done(peer.status());
  Forward(*peer, TenantOf(sight), request, std::move(done), [response](auto& call, auto ended) {
    call.stub->async()->ExplainEviction(&call.context, &call.request, response, ended);
  });
}

void ForwardedCache::SetPolicy(const v1::SetEvictionPolicyRequest& request,
                               v1::SetEvictionPolicyResponse* response, Done done) {
  const absl::StatusOr<CachePeer> peer = peers_.FindPeer(request.worker());
  if (!peer.ok()) return done(peer.status());
  Forward(*peer, "", request, std::move(done), [response](auto& call, auto ended) {
    call.stub->async()->SetEvictionPolicy(&call.context, &call.request, response, ended);
  });
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_SERVICES_SERVICE_WORLD_H_
#define PINTLE_TESTS_SERVICES_SERVICE_WORLD_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "contract/cache_desk.h"
#include "contract/cache_report.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "services/fleet/fleet_service.h"
#include "services/host/grpc_host.h"
#include "services/identity/caller_rules.h"
#include "services/registry/registry_service.h"
#include "services/request_log/request_record.h"
#include "tests/fakes/fake_session_kv.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle::testing {

// Keeps the records of ended requests and lets a test wait for them.
class RecordingObserver final : public RequestObserver {
 public:
  void OnTokens(absl::Duration, std::int64_t) override {}
  void OnEnd(const RequestRecord& record) override;
  // The first `count` records, once there are that many.
  std::vector<RequestRecord> WaitFor(std::size_t count);

 private:
  absl::Mutex mutex_;
  std::vector<RequestRecord> records_ ABSL_GUARDED_BY(mutex_);
};

// Tokenizes bytes; "fail" fails.
class FakeText final : public TextBackend {
 public:
  void Tokenize(TokenizeRequest request, TokenizeCallback done) override;
  std::vector<ModelInfo> ListModels() const override;
};

// One report of one worker, naming what it was asked.
class FakeCacheStats final : public CacheStatsSource {
 public:
  void GetCacheReports(const CacheQuery& query, Callback done) override;
};

// A cache of five numbered events, each of 16 tokens stored by tenant "acme"; takes the policies
// lru and fifo; explains whatever it is asked with one victim of tenant "acme".
class FakeCacheDesk final : public CacheDesk {
 public:
  std::uint64_t Epoch() const override { return 77; }
  CacheMoment Moment() const override;
  bool ReadEvents(std::uint64_t sequence, std::size_t max,
                  std::vector<CacheEvent>* events) const override;
  std::uint64_t LastSequence() const override;
  bool AwaitEvents(std::uint64_t sequence, absl::Duration timeout) const override;
  absl::Time WallTimeOf(absl::Duration monotonic) const override;
  void ExplainEviction(std::int64_t tokens,
                       absl::AnyInvocable<void(absl::StatusOr<EvictionExplanation>)> done) override;
  void SetEvictionPolicy(std::string name,
                         absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) override;

  // Events up to this sequence are gone.
  void Forget(std::uint64_t sequence);
  // One event more.
  void Add();
  // There will be no more events.
  void Close();

 private:
  mutable absl::Mutex mutex_;
  std::uint64_t gone_ ABSL_GUARDED_BY(mutex_) = 0;
  std::uint64_t last_ ABSL_GUARDED_BY(mutex_) = 5;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::string policy_ ABSL_GUARDED_BY(mutex_) = "lru";
};

class FakeFleet final : public FleetSource, public FleetMembership {
 public:
  void ListWorkers(v1::ListWorkersResponse* out) const override;
  absl::StatusOr<std::uint64_t> Join(const v1::WorkerHello& hello, std::uint64_t sequence) override;
  absl::Status Report(std::uint64_t registration, std::uint64_t sequence,
                      const v1::WorkerLoad& load) override;
  void Leave(std::uint64_t registration) override;
  // What happened, one word each, once there are `count` of them.
  std::vector<std::string> WaitFor(std::size_t count);

 private:
  void Note(std::string what);

  absl::Mutex mutex_;
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mutex_);
};

// All services over fakes, behind a real gRPC server on a port of its own.
class ServiceWorld {
 public:
  struct Options {
    IdentityConfig identity;
    FakeTurnBackend::Options backend;
  };
  explicit ServiceWorld(Options options);
  ServiceWorld() : ServiceWorld(Options()) {}
  ~ServiceWorld();

  FakeTurnBackend& backend();
  RecordingObserver& records();
  FakeSessionKv& session_kv();
  FakeFleet& fleet();
  FakeCacheDesk& cache_desk();
  GrpcHost& host();
  // New turns are DRAINING from now on.
  void Drain();
  std::shared_ptr<grpc::Channel> channel() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// The status of a call as our clients see it.
absl::Status Of(const grpc::Status& status);
// The field a status blames; empty for none.
std::string FieldOf(const absl::Status& status);
// Adds "authorization: Bearer TOKEN" unless the token is empty.
void Authorize(const std::string& token, grpc::ClientContext& context);

}  // namespace pintle::testing

#endif  // PINTLE_TESTS_SERVICES_SERVICE_WORLD_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_EXECUTION_REMOTE_WORKER_H_
#define PINTLE_SERVICES_EXECUTION_REMOTE_WORKER_H_

#include <grpcpp/channel.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "contract/cache_report.h"
#include "contract/clock.h"
#include "contract/model_info.h"
#include "contract/turn.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "pintle/v1/execution.grpc.pb.h"
#include "pintle/v1/inference.grpc.pb.h"

namespace pintle {

struct RemoteWorkerOptions {
  std::string cluster_token;  // empty for none
  ModelInfo model;            // as the worker registered it
  // Prefix of this process's turn ids: random, so that two coordinators never name the same turn.
  std::string turn_prefix;
};

// A worker behind a channel, as any backend of turns and text.
// Thread: safe from any thread; nothing here waits for the network.
// Shares the channel, which connects when it is first used. Borrows the clock.
// Fails: UNAVAILABLE / WORKER_LOST when the connection breaks or cannot be made; a worker's own
// errors keep their code and details.
class RemoteWorker final : public TurnBackend, public TextBackend {
 public:
  RemoteWorker(RemoteWorkerOptions options, const std::shared_ptr<grpc::Channel>& channel,
               const Clock& clock);

  absl::StatusOr<std::unique_ptr<TurnStream>> Start(TurnRequest turn) override;
  void DropSession(const SessionKey& key) override;
  void Tokenize(TokenizeRequest request, TokenizeCallback done) override;
  std::vector<ModelInfo> ListModels() const override { return {options_.model}; }
  // The worker's own figures, with the tenant's sessions if asked for. Runs `done` once, on any
  // thread, within a second or two.
  void GetCacheReport(const CacheQuery& query,
                      absl::AnyInvocable<void(absl::StatusOr<CacheReport>)> done);
  // For calls about its cache that are passed on as they are.
  const std::shared_ptr<v1::CacheStats::Stub>& cache_stub() const { return cache_; }

 private:
  const RemoteWorkerOptions options_;
  const Clock& clock_;
  const std::shared_ptr<v1::Execution::Stub> execution_;
  const std::shared_ptr<v1::Inference::Stub> inference_;
  const std::shared_ptr<v1::CacheStats::Stub> cache_;
  std::atomic<std::uint64_t> next_turn_{1};
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_EXECUTION_REMOTE_WORKER_H_

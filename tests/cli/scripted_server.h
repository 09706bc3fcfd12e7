// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_CLI_SCRIPTED_SERVER_H_
#define PINTLE_TESTS_CLI_SCRIPTED_SERVER_H_

#include <grpcpp/server.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "pintle/v1/fleet.grpc.pb.h"
#include "pintle/v1/inference.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"

namespace pintle::testing {

// What the tool's run left behind.
struct ToolRun {
  int code = -1;
  std::string out;
  std::string err;
};

// A small server on a free port that answers the same to everyone: two chunks to each turn, a set
// of session ids, one worker more at each ListWorkers. Thread: safe from any thread. Owns its gRPC
// server.
class ScriptedServer : private v1::Inference::Service,
                       private v1::Sessions::Service,
                       private v1::Fleet::Service,
                       private v1::CacheStats::Service {
 public:
  ScriptedServer();
  ~ScriptedServer() override;

  // Runs the tool against it: Run({"generate", "--prompt", "a"}). `in` is its standard input.
  ToolRun Run(std::vector<std::string> words, const std::string& in = "") const;

  // From now on every Generate ends with this; OK again for an answer.
  void FailTurns(absl::Status status);
  // From now on a Generate waits after its first chunk until its caller cancels.
  void HangTurns();
  std::vector<v1::GenerateRequest> turns() const;
  // "authorization" of the last call of Generate.
  std::string authorization() const;
  std::map<std::string, v1::Session> sessions() const;
  const std::string& address() const { return address_; }

 private:
  grpc::Status Generate(grpc::ServerContext* context, const v1::GenerateRequest* request,
                        grpc::ServerWriter<v1::GenerateResponse>* writer) override;
  grpc::Status Tokenize(grpc::ServerContext* context, const v1::TokenizeRequest* request,
                        v1::TokenizeResponse* response) override;
  grpc::Status ListModels(grpc::ServerContext* context, const v1::ListModelsRequest* request,
                          v1::ListModelsResponse* response) override;
  grpc::Status CreateSession(grpc::ServerContext* context, const v1::CreateSessionRequest* request,
                             v1::CreateSessionResponse* response) override;
  grpc::Status GetSession(grpc::ServerContext* context, const v1::GetSessionRequest* request,
                          v1::GetSessionResponse* response) override;
  grpc::Status ListSessions(grpc::ServerContext* context, const v1::ListSessionsRequest* request,
                            v1::ListSessionsResponse* response) override;
  grpc::Status UpdateSession(grpc::ServerContext* context, const v1::UpdateSessionRequest* request,
                             v1::UpdateSessionResponse* response) override;
  grpc::Status DeleteSession(grpc::ServerContext* context, const v1::DeleteSessionRequest* request,
                             v1::DeleteSessionResponse* response) override;
  grpc::Status ListWorkers(grpc::ServerContext* context, const v1::ListWorkersRequest* request,
                           v1::ListWorkersResponse* response) override;
  grpc::Status GetCacheStats(grpc::ServerContext* context, const v1::GetCacheStatsRequest* request,
                             v1::GetCacheStatsResponse* response) override;

  grpc::Status WatchCacheEvents(grpc::ServerContext* context,
                                const v1::WatchCacheEventsRequest* request,
                                grpc::ServerWriter<v1::WatchCacheEventsResponse>* writer) override;
  grpc::Status ExplainEviction(grpc::ServerContext* context,
                               const v1::ExplainEvictionRequest* request,
                               v1::ExplainEvictionResponse* response) override;
  grpc::Status SetEvictionPolicy(grpc::ServerContext* context,
                                 const v1::SetEvictionPolicyRequest* request,
                                 v1::SetEvictionPolicyResponse* response) override;

  // Guards what the calls share.
  mutable absl::Mutex mutex_;
  absl::Status turn_status_ ABSL_GUARDED_BY(mutex_);
  bool hang_ ABSL_GUARDED_BY(mutex_) = false;
  int workers_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<v1::GenerateRequest> turns_ ABSL_GUARDED_BY(mutex_);
  std::string authorization_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, v1::Session> sessions_ ABSL_GUARDED_BY(mutex_);
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

// The tool without a server: RunTool({"--version"}).
ToolRun RunTool(std::vector<std::string> words, const std::string& in = "");

}  // namespace pintle::testing

#endif  // PINTLE_TESTS_CLI_SCRIPTED_SERVER_H_

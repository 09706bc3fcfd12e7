// SPDX-License-Identifier: Apache-2.0
#include "tests/cli/scripted_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/interrupt.h"
#include "cli/pintle_app.h"
#include "contract/clock.h"
#include "contract/errors.h"
#include "services/wire/status_conversion.h"

namespace pintle::testing {
namespace {

constexpr int kPageMax = 2;

grpc::Status NoSession() {
  return ToGrpcStatus(MakeError(Reason::kSessionNotFound, "session is not known"));
}

v1::GenerateResponse ChunkOf(int first, int id, const std::string& text) {
  v1::GenerateResponse response;
  response.mutable_chunk()->set_first_index(first);
  response.mutable_chunk()->add_token_ids(id);
  response.mutable_chunk()->set_text(text);
  return response;
}

}  // namespace

ToolRun RunTool(std::vector<std::string> words, const std::string& in) {
  words.insert(words.begin(), std::string("pintle"));
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  std::istringstream input(in);
  std::ostringstream out, err;
  Interrupt interrupt;
  const SystemClock clock;
  ToolRun run;
  run.code = RunPintle(static_cast<int>(argv.size()), argv.data(), {},
                       {input, out, err, interrupt, clock, false});
  run.out = out.str();
  run.err = err.str();
  return run;
}

ScriptedServer::ScriptedServer() {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(static_cast<v1::Inference::Service*>(this));
  builder.RegisterService(static_cast<v1::Sessions::Service*>(this));
  builder.RegisterService(static_cast<v1::Fleet::Service*>(this));
  builder.RegisterService(static_cast<v1::CacheStats::Service*>(this));
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

ScriptedServer::~ScriptedServer() { server_->Shutdown(); }

ToolRun ScriptedServer::Run(std::vector<std::string> words, const std::string& in) const {
  words.push_back("--target");
  words.push_back(address_);
  return RunTool(std::move(words), in);
}

void ScriptedServer::FailTurns(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  turn_status_ = std::move(status);
}

void ScriptedServer::HangTurns() {
  absl::MutexLock lock(&mutex_);
  hang_ = true;
}

std::vector<v1::GenerateRequest> ScriptedServer::turns() const {
  absl::MutexLock lock(&mutex_);
  return turns_;
}

std::string ScriptedServer::authorization() const {
  absl::MutexLock lock(&mutex_);
  return authorization_;
}

std::map<std::string, v1::Session> ScriptedServer::sessions() const {
  absl::MutexLock lock(&mutex_);
  return sessions_;
}

grpc::Status ScriptedServer::Generate(grpc::ServerContext* context,
                                      const v1::GenerateRequest* request,
                                      grpc::ServerWriter<v1::GenerateResponse>* writer) {
  bool hang = false;
  {
    absl::MutexLock lock(&mutex_);
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) {
      authorization_.assign(found->second.data(), found->second.size());
    }
    if (!request->session().empty()) {
      const auto session = sessions_.find(request->session());
      if (session == sessions_.end()) return NoSession();
      session->second.set_position(session->second.position() + 12);
      session->second.set_turns(session->second.turns() + 1);
    }
    turns_.push_back(*request);
    if (!turn_status_.ok()) return ToGrpcStatus(turn_status_);
    hang = hang_;
  }
  v1::GenerateResponse started;
  started.mutable_started()->set_worker("worker-1");
  started.mutable_started()->mutable_cached_tokens()->set_session(9);
  writer->Write(started);
  writer->Write(ChunkOf(0, 41, "Hello"));
  while (hang && !context->IsCancelled()) absl::SleepFor(absl::Milliseconds(1));
  writer->Write(ChunkOf(1, 42, " there"));
  v1::GenerateResponse ended;
  ended.mutable_choice_finished()->set_reason(v1::LENGTH);
  writer->Write(ended);
  v1::GenerateResponse finished;
  v1::Usage& usage = *finished.mutable_finished()->mutable_usage();
  usage.set_prompt_tokens(10);
  usage.set_cached_tokens(9);
  usage.set_completion_tokens(2);
  writer->Write(finished);
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::Tokenize(grpc::ServerContext* /*context*/,
                                      const v1::TokenizeRequest* request,
                                      v1::TokenizeResponse* response) {
  if (request->has_tokens()) {
    response->set_text("text of ids");
  } else {
    response->add_token_ids(7);
    response->add_token_ids(8);
  }
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::ListModels(grpc::ServerContext* /*context*/,
                                        const v1::ListModelsRequest* /*request*/,
                                        v1::ListModelsResponse* response) {
  response->add_models()->set_name("SmolLM2");
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::CreateSession(grpc::ServerContext* /*context*/,
                                           const v1::CreateSessionRequest* request,
                                           v1::CreateSessionResponse* response) {
  absl::MutexLock lock(&mutex_);
  v1::Session session;
  session.set_id(request->id().empty() ? "made-by-server" : request->id());
  *session.mutable_lease() = request->lease();
  *session.mutable_pin() = request->pin();
  *session.mutable_labels() = request->labels();
  if (!sessions_.emplace(session.id(), session).second) {
    return ToGrpcStatus(MakeError(Reason::kSessionExists, "session exists"));
  }
  *response->mutable_session() = session;
  response->set_verdict(request->pin().kind() == v1::GUARANTEED ? v1::DEFERRED : v1::ACCEPTED);
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::GetSession(grpc::ServerContext* /*context*/,
                                        const v1::GetSessionRequest* request,
                                        v1::GetSessionResponse* response) {
  absl::MutexLock lock(&mutex_);
  const auto found = sessions_.find(request->id());
  if (found == sessions_.end()) return NoSession();
  *response->mutable_session() = found->second;
  if (request->include_transcript()) {
    v1::TranscriptTurn& turn = *response->add_transcript();
    for (const int id : {1, 2, 3}) turn.add_token_ids(id);
    turn.set_output_tokens(1);
    turn.add_messages()->set_role("user");
  }
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::ListSessions(grpc::ServerContext* /*context*/,
                                          const v1::ListSessionsRequest* request,
                                          v1::ListSessionsResponse* response) {
  absl::MutexLock lock(&mutex_);
  const int size = std::min(kPageMax, request->page_size());
  for (auto at = sessions_.upper_bound(request->page_token()); at != sessions_.end(); ++at) {
    if (response->sessions_size() == size) {
      response->set_next_page_token(response->sessions(size - 1).id());
      break;
    }
    *response->add_sessions() = at->second;
  }
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::UpdateSession(grpc::ServerContext* /*context*/,
                                           const v1::UpdateSessionRequest* request,
                                           v1::UpdateSessionResponse* response) {
  absl::MutexLock lock(&mutex_);
  const auto found = sessions_.find(request->id());
  if (found == sessions_.end()) return NoSession();
  *found->second.mutable_lease() = request->lease();
  *found->second.mutable_pin() = request->pin();
  found->second.set_outlook(request->outlook());
  *response->mutable_session() = found->second;
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::DeleteSession(grpc::ServerContext* /*context*/,
                                           const v1::DeleteSessionRequest* request,
                                           v1::DeleteSessionResponse* response) {
  absl::MutexLock lock(&mutex_);
  if (sessions_.erase(request->id()) == 0) return NoSession();
  response->set_released_tokens(100);
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::ListWorkers(grpc::ServerContext* /*context*/,
                                         const v1::ListWorkersRequest* /*request*/,
                                         v1::ListWorkersResponse* response) {
  absl::MutexLock lock(&mutex_);
  for (int i = 0; i < workers_; ++i) {
    v1::Worker& worker = *response->add_workers();
    worker.set_id(absl::StrCat("worker-", i + 1));
    worker.set_state(v1::READY);
  }
  ++workers_;
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::GetCacheStats(grpc::ServerContext* /*context*/,
                                           const v1::GetCacheStatsRequest* request,
                                           v1::GetCacheStatsResponse* response) {
  v1::WorkerCache& worker = *response->add_workers();
  worker.set_worker("worker-1");
  worker.add_tiers()->set_blocks_free(100);
  if (request->include_sessions()) worker.add_held()->set_id("tea");
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::WatchCacheEvents(
    grpc::ServerContext* context, const v1::WatchCacheEventsRequest* request,
    grpc::ServerWriter<v1::WatchCacheEventsResponse>* writer) {
  v1::WatchCacheEventsResponse response;
  response.set_epoch(7);
  response.set_sequence(request->sequence());
  response.mutable_snapshot()->mutable_cache()->set_worker(request->worker());
  writer->Write(response);
  // Until the caller leaves.
  for (std::uint64_t i = 1; !context->IsCancelled(); ++i) {
    response.clear_events();
    response.set_sequence(request->sequence() + i);
    v1::CacheEvent& event = *response.mutable_events()->add_events();
    event.set_sequence(response.sequence());
    event.set_kind(v1::STORED);
    event.set_tokens(16);
    event.set_tenant("acme");
    event.set_session("tea");
    if (!writer->Write(response)) break;
  }
  return grpc::Status::CANCELLED;
}

grpc::Status ScriptedServer::ExplainEviction(grpc::ServerContext* /*context*/,
                                             const v1::ExplainEvictionRequest* request,
                                             v1::ExplainEvictionResponse* response) {
  response->set_worker("worker-1");
  response->set_block_tokens(16);
  response->set_blocks_needed((request->tokens_needed() + 15) / 16);
  response->set_blocks_evicted(1);
  response->add_victims()->add_sessions("tea");
  response->mutable_victims(0)->set_why("idle for 5 s");
  return grpc::Status::OK;
}

grpc::Status ScriptedServer::SetEvictionPolicy(grpc::ServerContext* /*context*/,
                                               const v1::SetEvictionPolicyRequest* /*request*/,
                                               v1::SetEvictionPolicyResponse* response) {
  response->set_previous_policy("lru");
  return grpc::Status::OK;
}

}  // namespace pintle::testing

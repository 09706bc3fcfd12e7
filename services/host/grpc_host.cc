// SPDX-License-Identifier: Apache-2.0
#include "services/host/grpc_host.h"

#include <grpc/support/log.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "services/host/callback_queue.h"
#include "services/host/listen_address.h"
#include "services/host/lock_checks.h"

namespace pintle {
namespace {

// Streams of one connection: beyond them a client waits, so that one cannot take all memory.
constexpr int kConcurrentStreams = 256;
// Buffers of all connections together; gRPC stops reading from the hungriest beyond it.
constexpr std::size_t kBufferBytes = std::size_t{512} << 20;
constexpr int kPingIntervalMs = 30000;
constexpr int kPingTimeoutMs = 10000;
// Our own clients ping every 10 s; ones that ping more often than this are sent away.
constexpr int kMinClientPingMs = 5000;

// Takes reflection out of one server; gRPC's own switch puts it into all servers of the process.
class NoReflection final : public grpc::ServerBuilderOption {
 public:
  void UpdateArguments(grpc::ChannelArguments*) override {}
  void UpdatePlugins(std::vector<std::unique_ptr<grpc::ServerBuilderPlugin>>* plugins) override {
    std::erase_if(*plugins,
                  [](const auto& plugin) { return plugin->name() == "proto_server_reflection"; });
  }
};

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(limits::kReceiveBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, limits::kMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kPingIntervalMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kPingTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  // Answers are never compressed, and that filter would look at every token. Requests may be.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinClientPingMs);
  // Two processes on one port would each get half of the calls; the second must notice instead.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetResourceQuota(grpc::ResourceQuota("pintle").Resize(kBufferBytes));
}

// Drops gRPC's own log lines while it lives: a port that is taken is reported once, by us.
class QuietGrpc {
 public:
  QuietGrpc() {
    gpr_set_log_function([](gpr_log_func_args*) {});
  }
  ~QuietGrpc() { gpr_set_log_function(nullptr); }
  QuietGrpc(const QuietGrpc&) = delete;
  QuietGrpc& operator=(const QuietGrpc&) = delete;
};

struct Bound {
  std::unique_ptr<grpc::CallbackGenericService> fallback;
  std::unique_ptr<grpc::Server> server;
  std::string address;
};

absl::StatusOr<Bound> Build(ListenAddress listen,
                            const std::shared_ptr<grpc::ServerCredentials>& credentials,
                            const std::vector<grpc::Service*>& services, bool reflection) {
  grpc::ServerBuilder builder;
  SetLimits(builder);
  if (!reflection) builder.SetOption(std::make_unique<NoReflection>());
  int port = 0;
  builder.AddListeningPort(listen.ToString(), credentials, &port);
  for (grpc::Service* service : services) builder.RegisterService(service);
  // Answers UNIMPLEMENTED to what is served nowhere; gRPC starts no server without any service.
  Bound bound;
  bound.fallback = std::make_unique<grpc::CallbackGenericService>();
  builder.RegisterCallbackGenericService(bound.fallback.get());
  {
    const QuietGrpc quiet;
    bound.server = builder.BuildAndStart();
  }
  if (!bound.server || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", listen.ToString(), ": ", BindProblem(listen)));
  }
  listen.port = port;
  bound.address = listen.ToString();
  return bound;
}

std::vector<std::string> NamesOf(Probe probe) {
  switch (probe) {
    case Probe::kLiveness: return {"liveness"};
    case Probe::kReadiness: return {"readiness", ""};
    case Probe::kStartup: return {"startup"};
  }
  return {};
}

void SetServingOf(grpc::Server* server, Probe probe, bool serving) {
  if (server == nullptr) return;
  for (const std::string& name : NamesOf(probe)) {
    server->GetHealthCheckService()->SetServingStatus(name, serving);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcHost>> GrpcHost::Start(
    const GrpcHostOptions& options, const TransportSecurity& security,
    const std::vector<grpc::Service*>& services) {
  SkipLockChecks();
  KeepCallbackQueue();
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  PINTLE_ASSIGN_OR_RETURN(const ListenAddress listen,
                          ListenAddress::Parse("--listen", options.listen));
  PINTLE_ASSIGN_OR_RETURN(const auto credentials,
                          security.ServerCredentials(listen, options.allow_plaintext));
  std::unique_ptr<GrpcHost> host(new GrpcHost());
  PINTLE_ASSIGN_OR_RETURN(Bound bound, Build(listen, credentials, services, options.reflection));
  host->fallbacks_.push_back(std::move(bound.fallback));
  host->server_ = std::move(bound.server);
  host->address_ = std::move(bound.address);
  if (!options.health_listen.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const ListenAddress health,
                            ListenAddress::Parse("--health-listen", options.health_listen));
    PINTLE_ASSIGN_OR_RETURN(Bound probes,
                            Build(health, grpc::InsecureServerCredentials(), {}, false));
    host->fallbacks_.push_back(std::move(probes.fallback));
    host->health_server_ = std::move(probes.server);
    host->health_address_ = std::move(probes.address);
  }
  host->SetServing(Probe::kReadiness, false);
  host->SetServing(Probe::kStartup, false);
  host->SetServing(Probe::kLiveness, true);
  return host;
}

GrpcHost::~GrpcHost() { Shutdown(absl::ZeroDuration()); }

void GrpcHost::SetServing(Probe probe, bool serving) {
  SetServingOf(server_.get(), probe, serving);
  SetServingOf(health_server_.get(), probe, serving);
}

void GrpcHost::Shutdown(absl::Duration grace) {
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoNanoseconds(grace);
  if (server_) {
    server_->Shutdown(deadline);
    server_->Wait();
  }
  // Kubelet may ask until the last call is gone.
  if (health_server_) {
    health_server_->Shutdown(std::chrono::system_clock::now());
    health_server_->Wait();
  }
}

}  // namespace pintle

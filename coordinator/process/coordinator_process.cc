// SPDX-License-Identifier: Apache-2.0
#include "coordinator/process/coordinator_process.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "coordinator/admission/admission_gate.h"
#include "coordinator/membership/worker_registry.h"
#include "coordinator/process/fleet_connector.h"
#include "coordinator/process/fleet_desk.h"
#include "coordinator/streams/routed_backend.h"
#include "services/cache_stats/cache_stats_service.h"
#include "services/host/grpc_host.h"
#include "services/host/random_bits.h"
#include "services/identity/identity_files.h"
#include "services/inference/inference_service.h"
#include "services/metrics/metrics_endpoint.h"
#include "services/metrics/turn_metrics.h"
#include "services/request_log/request_log.h"
#include "services/sessions/sessions_service.h"
#include "sessions/memory_session_store.h"
#include "sessions/pin_front.h"
#include "sessions/session_front.h"
#include "sessions/session_mover.h"
#include "sessions/turn_front.h"

namespace pintle {
namespace {

constexpr absl::Duration kExpiryInterval = absl::Seconds(10);
// Streams without an end (registrations) are cut after this when the process stops.
constexpr absl::Duration kShutdownGrace = absl::Milliseconds(200);

absl::Duration WorkerTimeout(const CoordinatorOptions& options) {
  return absl::Seconds(options.worker_timeout_seconds);
}

// How often silent workers are looked for. One look early is the allowance for looking now and
// then: a worker is noticed within the timeout, not some time after it.
absl::Duration LookInterval(const CoordinatorOptions& options) {
  return WorkerTimeout(options) / 32;
}

AdmissionGate::Options GateOptions(const CoordinatorOptions& options) {
  AdmissionGate::Options gate;
  gate.tenant_running_max = options.tenant_turns_max;
  gate.tenant_waiting_max = options.tenant_turns_max;
  return gate;
}

}  // namespace

// In the order of construction; destruction runs backwards, so what borrows goes first.
struct CoordinatorProcess::Rooms {
  const Clock& clock;
  const CoordinatorOptions options;
  std::unique_ptr<TransportSecurity> security;
  std::unique_ptr<CallerRules> callers;
  std::unique_ptr<MemorySessionStore> store;
  std::unique_ptr<WorkerRegistry> registry;
  std::unique_ptr<FleetConnector> connector;
  std::unique_ptr<RoutedBackend> backend;
  std::unique_ptr<AdmissionGate> gate;
  std::unique_ptr<TurnFront> front;
  std::unique_ptr<SessionFront> sessions;
  std::unique_ptr<PinFront> pins;
  std::unique_ptr<SessionMover> mover;
  std::unique_ptr<FleetDesk> desk;
  TurnMetrics turn_metrics{"all"};
  std::unique_ptr<RequestLog> log;
  std::unique_ptr<InferenceService> inference_service;
  std::unique_ptr<SessionsService> sessions_service;
  std::unique_ptr<ForwardedCache> cache_operations;
  std::unique_ptr<CacheStatsService> cache_service;
  std::unique_ptr<FleetService> fleet_service;
  std::unique_ptr<RegistryService> registry_service;
  std::unique_ptr<GrpcHost> host;
  std::unique_ptr<MetricsEndpoint> endpoint;
  std::string metrics_address;
  // Guards `stopping`, which ends the ticker.
  absl::Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread ticker;

  Rooms(const CoordinatorOptions& coordinator_options, const Clock& coordinator_clock)
      : clock(coordinator_clock), options(coordinator_options) {}
  ~Rooms();

  absl::Status MakeIdentity();
  absl::Status MakeFleet();
  absl::Status Serve();
  void Collect(SampleFamilies& families);
  void Tick();
};

absl::Status CoordinatorProcess::Rooms::MakeIdentity() {
  const ServerOptions& server = options.server;
  PINTLE_ASSIGN_OR_RETURN(const ListenAddress listen,
                          ListenAddress::Parse("--listen", server.listen));
  // Before the rules, so that an exposed listener is told of TLS first.
  PINTLE_ASSIGN_OR_RETURN(
      TransportSecurity loaded,
      TransportSecurity::Load({server.tls_cert, server.tls_key, server.tls_ca}));
  security = std::make_unique<TransportSecurity>(std::move(loaded));
  PINTLE_RETURN_IF_ERROR(security->ServerCredentials(listen, server.allow_plaintext).status());
  PINTLE_ASSIGN_OR_RETURN(
      CallerRules rules,
      LoadCallerRules(ProcessKind::kCoordinator, listen.IsLoopback(),
                      {server.tenants_file, server.cluster_token_file, server.admin_token_file}));
  callers = std::make_unique<CallerRules>(std::move(rules));
  return absl::OkStatus();
}

absl::Status CoordinatorProcess::Rooms::MakeFleet() {
  std::string cluster_token;
  if (!options.server.cluster_token_file.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        cluster_token, ReadTokenFile("--cluster-token-file", options.server.cluster_token_file));
  }
  MemorySessionStore::Options store_options;
  store_options.sessions_max = options.server.sessions_max;
  store_options.ttl = absl::Hours(options.server.session_ttl_hours);
  store = std::make_unique<MemorySessionStore>(clock, RandomBits, store_options);
  WorkerRegistry::Options registry_options;
  registry_options.timeout = WorkerTimeout(options) - LookInterval(options);
  registry = std::make_unique<WorkerRegistry>(registry_options);
  connector = std::make_unique<FleetConnector>(*security, cluster_token,
                                               absl::StrCat(absl::Hex(RandomBits())), clock);
  backend = std::make_unique<RoutedBackend>(
      *registry, *connector, clock,
      [](const std::string& line) { std::fprintf(stderr, "%s\n", line.c_str()); });
  registry->AddListener(backend.get());
  registry->AddListener(connector.get());
  gate = std::make_unique<AdmissionGate>(GateOptions(options));
  front = std::make_unique<TurnFront>(*store, *backend, gate.get(), clock);
  sessions = std::make_unique<SessionFront>(*store, *front, *backend, clock);
  pins = std::make_unique<PinFront>(*store, *sessions, *connector);
  mover = std::make_unique<SessionMover>(SessionMover::Parts{
      store.get(), sessions.get(), backend.get(), connector.get(), backend.get()});
  desk = std::make_unique<FleetDesk>(*registry, *store, clock);
  return absl::OkStatus();
}

absl::Status CoordinatorProcess::Rooms::Serve() {
  const ServerOptions& server = options.server;
  PINTLE_ASSIGN_OR_RETURN(const LogFormat format, ParseLogFormat(server.log_format));
  log = std::make_unique<RequestLog>(format, clock, stderr);
  inference_service = std::make_unique<InferenceService>(
      *front, *backend, *callers, clock, std::vector<RequestObserver*>{log.get(), &turn_metrics});
  sessions_service =
      std::make_unique<SessionsService>(*sessions, *pins, *mover, *connector, *callers);
  cache_operations = std::make_unique<ForwardedCache>(*connector);
  cache_service = std::make_unique<CacheStatsService>(*connector, *cache_operations, *callers);
  fleet_service = std::make_unique<FleetService>(*desk, *callers);
  // Several reports a timeout, so that one that is late does no harm.
  registry_service = std::make_unique<RegistryService>(
      *desk, *callers, std::min(limits::kReportInterval, WorkerTimeout(options) / 6));
  GrpcHostOptions host_options;
  host_options.listen = server.listen;
  host_options.health_listen = server.health_listen;
  host_options.allow_plaintext = server.allow_plaintext;
  host_options.reflection = !server.no_reflection;
  PINTLE_ASSIGN_OR_RETURN(
      host, GrpcHost::Start(host_options, *security,
                            {inference_service.get(), sessions_service.get(), cache_service.get(),
                             fleet_service.get(), registry_service.get()}));
  if (!server.metrics_listen.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        endpoint,
        MetricsEndpoint::Start(server.metrics_listen, [this](SampleFamilies& f) { Collect(f); }));
    metrics_address = endpoint->address();
  }
  host->SetServing(Probe::kStartup, true);
  host->SetServing(Probe::kReadiness, true);
  ticker = std::thread([this] { Tick(); });
  return absl::OkStatus();
}

void CoordinatorProcess::Rooms::Collect(SampleFamilies& families) {
  families.Add("pintle_build_info", {{"version", PINTLE_VERSION}}, 1);
  std::map<std::pair<std::string, bool>, int> workers;
  for (const FleetWorker& worker : registry->Snapshot().workers) {
    ++workers[{worker.hello.model.name, worker.load.draining}];
  }
  for (const auto& [key, count] : workers) {
    families.Add("pintle_workers",
                 {{"model", key.first}, {"state", key.second ? "draining" : "ready"}}, count);
  }
  const double running = static_cast<double>(front->running());
  const MetricLabels all = {{"model", "all"}, {"pin", "any"}};
  MetricLabels labels = all;
  labels.emplace_back("state", "running");
  families.Add("pintle_sessions", labels, running);
  labels = all;
  labels.emplace_back("state", "stored");
  families.Add("pintle_sessions", labels, static_cast<double>(store->size()));
  turn_metrics.Collect(families, /*worker=*/false);
}

void CoordinatorProcess::Rooms::Tick() {
  const absl::Duration interval = LookInterval(options);
  absl::Duration expiry = clock.Monotonic();
  absl::MutexLock lock(&mutex);
  while (!mutex.AwaitWithTimeout(absl::Condition(&stopping), interval)) {
    mutex.Unlock();
    for (const WorkerId& worker : registry->DropSilent(clock.Monotonic())) {
      std::fprintf(stderr, "worker %s is silent and out of the fleet\n", worker.value().c_str());
    }
    inference_service->EndSlowReaders(absl::Seconds(options.server.slow_reader_seconds));
    if (clock.Monotonic() - expiry >= kExpiryInterval) {
      front->ExpireIdle();
      expiry = clock.Monotonic();
    }
    mutex.Lock();
  }
}

CoordinatorProcess::Rooms::~Rooms() {
  {
    absl::MutexLock lock(&mutex);
    stopping = true;
  }
  if (ticker.joinable()) ticker.join();
  // The server lets go of the services, and only then the rooms below them end.
  if (host != nullptr) host->Shutdown(kShutdownGrace);
  endpoint.reset();
}

CoordinatorProcess::CoordinatorProcess(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}
CoordinatorProcess::~CoordinatorProcess() = default;

absl::StatusOr<std::unique_ptr<CoordinatorProcess>> CoordinatorProcess::Start(
    const CoordinatorOptions& options, const Clock& clock) {
  auto rooms = std::make_unique<Rooms>(options, clock);
  PINTLE_RETURN_IF_ERROR(rooms->MakeIdentity());
  PINTLE_RETURN_IF_ERROR(rooms->MakeFleet());
  PINTLE_RETURN_IF_ERROR(rooms->Serve());
  return std::unique_ptr<CoordinatorProcess>(new CoordinatorProcess(std::move(rooms)));
}

const std::string& CoordinatorProcess::address() const { return rooms_->host->address(); }
const std::string& CoordinatorProcess::metrics_address() const { return rooms_->metrics_address; }

void CoordinatorProcess::Drain(absl::Duration grace) {
  Rooms& rooms = *rooms_;
  rooms.host->SetServing(Probe::kReadiness, false);
  rooms.inference_service->Drain();
  const absl::Duration deadline = rooms.clock.Monotonic() + grace;
  // Turns end by themselves; nothing tells of the last one, and nobody else waits for it.
  while (rooms.front->running() > 0 && rooms.clock.Monotonic() < deadline) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  rooms.host->Shutdown(kShutdownGrace);
}

}  // namespace pintle

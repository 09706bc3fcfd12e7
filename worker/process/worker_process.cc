// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_process.h"

#include <array>
#include <atomic>
#include <cstdio>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "services/cache_stats/cache_stats_service.h"
#include "services/cache_stats/local_cache.h"
#include "services/execution/execution_service.h"
#include "services/host/grpc_host.h"
#include "services/host/random_bits.h"
#include "services/identity/identity_files.h"
#include "services/inference/inference_service.h"
#include "services/metrics/metrics_endpoint.h"
#include "services/options/byte_size.h"
#include "services/registry/registration_loop.h"
#include "services/request_log/request_log.h"
#include "services/sessions/sessions_service.h"
#include "services/turns/client_connection.h"
#include "services/wire/cache_conversion.h"
#include "services/wire/generation_conversion.h"
#include "sessions/local_placer.h"
#include "sessions/memory_session_store.h"
#include "sessions/pin_front.h"
#include "sessions/session_front.h"
#include "sessions/session_mover.h"
#include "sessions/turn_front.h"
#include "worker/engine/engine.h"
#include "worker/kv/memory_plan.h"
#include "worker/process/disk_tier.h"
#include "worker/process/turn_record_file.h"
#include "worker/process/worker_cache_source.h"
#include "worker/process/worker_metrics.h"
#include "worker/turn/worker_session_kv.h"
#include "worker/turn/worker_turns.h"

namespace pintle {
namespace {

// How often sessions past their TTL and readers that stopped are looked for.
constexpr absl::Duration kTickInterval = absl::Milliseconds(250);
// Streams without an end (health watches) are cut after this when the process stops.
constexpr absl::Duration kShutdownGrace = absl::Milliseconds(200);
// Of turns recorded between two ticks: 8 MiB hold a hundred prompts of 100,000 tokens.
constexpr std::size_t kTurnRecordBuffer = std::size_t{8} << 20;
// What running turns may take of the grace time when a disk tier is to be written after them.
constexpr double kTurnsPartOfGrace = 0.6;

kv::MemoryNeeds NeedsOf(std::int64_t kv_bytes, const KvLayout& layout, Position context_tokens,
                        absl::Span<const TenantKvLimits> tenants) {
  kv::MemoryNeeds needs;
  needs.block_tokens = layout.block_tokens;
  needs.block_bytes = static_cast<std::int64_t>(layout.block_bytes);
  needs.bytes_per_token = static_cast<std::int64_t>(layout.bytes_per_token);
  needs.context_tokens = context_tokens;
  needs.kv_bytes = kv_bytes;
  for (const TenantKvLimits& tenant : tenants) {
    needs.floor_blocks += (tenant.kv_floor_tokens + needs.block_tokens - 1) / needs.block_tokens;
  }
  return needs;
}

// The pool as `pintle plan` would have it; its line goes to the log.
absl::StatusOr<kv::MemoryPlan> PlanPool(const WorkerOptions& options, const KvLayout& layout,
                                        Position context_tokens,
                                        absl::Span<const TenantKvLimits> tenants) {
  PINTLE_ASSIGN_OR_RETURN(const std::int64_t bytes, ParseByteSize(options.kv_bytes));
  kv::MemoryNeeds needs = NeedsOf(bytes, layout, context_tokens, tenants);
  PINTLE_ASSIGN_OR_RETURN(needs.pin_budget, kv::ParsePinBudget(options.pin_budget));
  const kv::MemoryPlan plan = kv::PlanMemory(needs);
  if (!plan.starts) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--kv-bytes is ", options.kv_bytes, ", that is ", plan.device.blocks, " blocks of ",
        FormatByteSize(needs.block_bytes), "; at least ", kv::kPoolBlocksMin, " are needed (",
        FormatByteSize(kv::kPoolBlocksMin * needs.block_bytes), ")"));
  }
  PINTLE_RETURN_IF_ERROR(kv::CheckPins(needs, plan));
  std::fprintf(stderr, "%s\n", kv::DescribePool(needs, plan).c_str());
  return plan;
}

EngineOptions EngineOptionsOf(const WorkerOptions& options, const ModelInfo& model,
                              const kv::MemoryPlan& plan,
                              absl::Span<const TenantKvLimits> tenants) {
  EngineOptions engine;
  engine.kv.pin_budget_tokens = plan.pin_budget_tokens;
  for (const TenantKvLimits& tenant : tenants) {
    engine.kv.tenants.push_back({tenant.tenant, tenant.kv_quota_tokens, tenant.kv_floor_tokens});
  }
  engine.kv.sequence_blocks_max = plan.sequence_blocks_max;
  engine.scheduler.step_tokens = options.step_tokens;
  engine.scheduler.inter_token_target = absl::Milliseconds(options.inter_token_ms);
  engine.scheduler.sequences_max = options.sequences_max;
  engine.speculation.enabled = options.speculation == "ngram";
  engine.speculation.tokens_max = options.speculation_tokens;
  engine.scheduler.queue_time = absl::Seconds(options.queue_seconds);
  engine.slow_reader_time = absl::Seconds(options.server.slow_reader_seconds);
  engine.kv.policy = options.eviction_policy;
  engine.kv.hash_key = {RandomBits(), RandomBits()};
  engine.kv.model_fingerprint = model.fingerprint;
  engine.kv.kv_dtype = model.kv_dtype;
  return engine;
}

// A worker that owns its sessions finds their KV in itself.
class OwnSessionKv final : public SessionKvDirectory {
 public:
  OwnSessionKv(WorkerId worker, Incarnation incarnation, std::shared_ptr<SessionKvBackend> kv)
      : worker_(std::move(worker)), incarnation_(incarnation), kv_(std::move(kv)) {}
  std::shared_ptr<SessionKvBackend> KvOf(const WorkerId& worker, Incarnation incarnation) override {
    return worker == worker_ && incarnation == incarnation_ ? kv_ : nullptr;
  }
  SessionHome Home() const override { return {worker_, incarnation_}; }
  std::shared_ptr<SessionKvBackend> KvOfName(const WorkerId& worker) override {
    return worker == worker_ ? kv_ : nullptr;
  }

 private:
  const WorkerId worker_;
  const Incarnation incarnation_;
  const std::shared_ptr<SessionKvBackend> kv_;
};

}  // namespace

// In the order of construction; destruction runs backwards, so what borrows goes first.
struct WorkerProcess::Rooms {
  const Clock& clock;
  const WorkerOptions options;
  const absl::Duration started;
  std::unique_ptr<CallerRules> callers;
  std::unique_ptr<text::TextModel> text;
  TurnEnvironment environment;
  TranscriptCache transcripts;
  std::shared_ptr<kv::TurnRecorder> recorder;
  std::unique_ptr<TurnRecordFile> record_file;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<TextPool> pool;
  std::unique_ptr<WorkerTurns> turns;
  std::shared_ptr<WorkerSessionKv> session_kv;
  std::unique_ptr<WorkerMetrics> metrics;
  std::unique_ptr<RequestLog> log;
  std::unique_ptr<MemorySessionStore> store;
  std::unique_ptr<LocalPlacer> placer;
  std::unique_ptr<TurnFront> front;
  std::unique_ptr<SessionFront> sessions;
  std::unique_ptr<OwnSessionKv> directory;
  std::unique_ptr<PinFront> pins;
  std::unique_ptr<SessionMover> mover;
  std::unique_ptr<WorkerCacheSource> cache;
  std::unique_ptr<LocalCache> cache_operations;
  std::unique_ptr<InferenceService> inference_service;
  std::unique_ptr<SessionsService> sessions_service;
  std::unique_ptr<CacheStatsService> cache_service;
  std::unique_ptr<ExecutionService> execution_service;
  std::unique_ptr<GrpcHost> host;
  std::unique_ptr<MetricsEndpoint> endpoint;
  std::string metrics_address;
  std::vector<std::unique_ptr<RegistrationLoop>> registrations;
  std::atomic<bool> draining{false};
  // Guards `stopping`, which ends the ticker.
  absl::Mutex mutex;
  bool stopping ABSL_GUARDED_BY(mutex) = false;
  std::thread ticker;

  Rooms(const WorkerOptions& worker_options, const Clock& worker_clock)
      : clock(worker_clock),
        options(worker_options),
        started(worker_clock.Monotonic()),
        transcripts(worker_options.server.sessions_max) {}
  ~Rooms();

  // First, for it knows the tenants' shares of the pool.
  absl::Status LoadCallers();
  absl::Status StartEngine(ModelParts model);
  absl::Status StartRecord(std::int32_t block_tokens);
  void MakeSessions();
  absl::Status Serve();
  absl::Status Register(const TransportSecurity& security, const std::string& cluster_token);
  void FillLoad(v1::WorkerLoad* load);
  void Collect(SampleFamilies& families);
  void Tick();
  bool IsClusterMember() const { return !options.coordinators.empty(); }
};

absl::Status WorkerProcess::Rooms::LoadCallers() {
  const ServerOptions& server = options.server;
  PINTLE_ASSIGN_OR_RETURN(const ListenAddress listen,
                          ListenAddress::Parse("--listen", server.listen));
  PINTLE_ASSIGN_OR_RETURN(
      CallerRules rules,
      LoadCallerRules(IsClusterMember() ? ProcessKind::kWorkerOfCoordinator : ProcessKind::kWorker,
                      listen.IsLoopback(),
                      {server.tenants_file, server.cluster_token_file, server.admin_token_file}));
  callers = std::make_unique<CallerRules>(std::move(rules));
  return absl::OkStatus();
}

absl::Status WorkerProcess::Rooms::StartEngine(ModelParts model) {
  text = std::move(model.text);
  const KvLayout layout = model.decoder->Layout();
  PINTLE_ASSIGN_OR_RETURN(const kv::MemoryPlan plan,
                          PlanPool(options, layout, model.info.context_tokens,
                                   callers->kv_limits()));
  PINTLE_RETURN_IF_ERROR(
      model.decoder->AllocateKv(static_cast<std::int32_t>(plan.device.blocks)));
  model.info.block_tokens = layout.block_tokens;
  model.info.kv_bytes_per_token = static_cast<std::int64_t>(layout.bytes_per_token);
  model.info.has_chat_template = text->has_chat_template();
  // A turn longer than the pool could never run: better refused at once than after a prefill.
  if (plan.context_tokens < model.info.context_tokens) {
    std::fprintf(stderr,
                 "--kv-bytes %s holds %d tokens, less than the model's context of %d: turns are "
                 "limited to what the pool holds\n",
                 options.kv_bytes.c_str(), plan.context_tokens, model.info.context_tokens);
    model.info.context_tokens = plan.context_tokens;
  }
  environment.incarnation = RandomBits() | 1;
  environment.model = model.info;
  environment.defaults = std::move(model.defaults);
  environment.merge_chunks = model.merge_chunks;
  EngineOptions engine_options = EngineOptionsOf(options, model.info, plan, callers->kv_limits());
  engine_options.event_epoch = environment.incarnation;
  PINTLE_RETURN_IF_ERROR(StartRecord(layout.block_tokens));
  engine_options.cache_observer = recorder.get();
  pool = std::make_unique<TextPool>(
      options.text_threads, limits::kTextJobs,
      TextPool::Bracket{&ClientConnection::BeginBurst, &ClientConnection::EndBurst});
  engine_options.delivered = [woken = pool.get()] { woken->Wake(); };
  PINTLE_ASSIGN_OR_RETURN(
      DiskTier disk, OpenDiskTier(options, model.info, layout, engine_options.kv.hash_key));
  engine_options.kv.hash_key = disk.hash_key;
  PINTLE_ASSIGN_OR_RETURN(engine, Engine::Create(engine_options, std::move(model.decoder), clock,
                                                 std::move(disk.tier)));
  for (const tier::TierStats& tier : engine->Snapshot().tiers) {
    std::fprintf(stderr, "disk tier: %lld of %lld blocks in use, %lld tokens\n",
                 static_cast<long long>(tier.blocks_found),
                 static_cast<long long>(tier.blocks_total),
                 static_cast<long long>(tier.physical.present));
  }
  environment.text = text.get();
  environment.engine = engine.get();
  environment.pool = pool.get();
  environment.engine_wakes_pool = true;
  environment.transcripts = &transcripts;
  environment.clock = &clock;
  environment.draw_seed = RandomBits;
  turns = std::make_unique<WorkerTurns>(environment);
  WorkerSessionKv::Parts kv_parts;
  kv_parts.engine = engine.get();
  kv_parts.query_sessions = [asked = engine.get()](std::vector<SessionKey> keys, auto done) {
    return asked->QuerySessions(std::move(keys), std::move(done));
  };
  kv_parts.transcripts = &transcripts;
  kv_parts.clock = &clock;
  kv_parts.layout = layout;
  kv_parts.model = model.info;
  kv_parts.random = RandomBits;
  session_kv = std::make_shared<WorkerSessionKv>(std::move(kv_parts));
  engine->Start();
  return absl::OkStatus();
}

absl::Status WorkerProcess::Rooms::StartRecord(std::int32_t block_tokens) {
  if (options.record_turns.empty()) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(const std::int64_t bytes, ParseByteSize(options.record_turns_size));
  recorder = std::make_shared<kv::TurnRecorder>(
      std::array<std::uint64_t, 2>{RandomBits(), RandomBits()}, block_tokens, kTurnRecordBuffer);
  PINTLE_ASSIGN_OR_RETURN(
      record_file,
      TurnRecordFile::Create(options.record_turns, bytes, clock.Wall(),
                             absl::StrCat(absl::Hex(environment.incarnation)), recorder));
  return absl::OkStatus();
}

void WorkerProcess::Rooms::MakeSessions() {
  MemorySessionStore::Options store_options;
  store_options.sessions_max = options.server.sessions_max;
  store_options.ttl = absl::Hours(options.server.session_ttl_hours);
  store = std::make_unique<MemorySessionStore>(clock, RandomBits, store_options);
  placer = std::make_unique<LocalPlacer>(environment.worker, environment.incarnation,
                                         environment.model.name, *turns);
  front = std::make_unique<TurnFront>(*store, *placer, nullptr, clock);
  sessions = std::make_unique<SessionFront>(*store, *front, *placer, clock);
  directory =
      std::make_unique<OwnSessionKv>(environment.worker, environment.incarnation, session_kv);
  pins = std::make_unique<PinFront>(*store, *sessions, *directory);
  mover = std::make_unique<SessionMover>(SessionMover::Parts{
      store.get(), sessions.get(), placer.get(), directory.get(), turns.get()});
  cache = std::make_unique<WorkerCacheSource>(environment.worker, environment.model, *engine,
                                              engine->events(), transcripts, clock);
  cache_operations = std::make_unique<LocalCache>(*cache, limits::kCacheWatchers);
}

absl::Status WorkerProcess::Rooms::Serve() {
  const ServerOptions& server = options.server;
  PINTLE_ASSIGN_OR_RETURN(
      const TransportSecurity security,
      TransportSecurity::Load({server.tls_cert, server.tls_key, server.tls_ca}));
  PINTLE_ASSIGN_OR_RETURN(const LogFormat format, ParseLogFormat(server.log_format));
  log = std::make_unique<RequestLog>(format, clock, stderr);
  metrics = std::make_unique<WorkerMetrics>(environment.model);
  const std::vector<RequestObserver*> observers = {log.get(), &metrics->turns()};
  inference_service =
      std::make_unique<InferenceService>(*front, *turns, *callers, clock, observers);
  sessions_service =
      std::make_unique<SessionsService>(*sessions, *pins, *mover, *directory, *callers);
  cache_service = std::make_unique<CacheStatsService>(*cache, *cache_operations, *callers);
  execution_service = std::make_unique<ExecutionService>(*turns, *callers, clock, observers,
                                                         *session_kv);
  GrpcHostOptions host_options;
  host_options.listen = server.listen;
  host_options.health_listen = server.health_listen;
  host_options.allow_plaintext = server.allow_plaintext;
  host_options.reflection = !server.no_reflection;
  PINTLE_ASSIGN_OR_RETURN(host, GrpcHost::Start(host_options, security,
                                                {inference_service.get(), sessions_service.get(),
                                                 cache_service.get(), execution_service.get()}));
  if (!server.metrics_listen.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        endpoint,
        MetricsEndpoint::Start(server.metrics_listen, [this](SampleFamilies& f) { Collect(f); }));
    metrics_address = endpoint->address();
  }
  std::string cluster_token;
  if (!server.cluster_token_file.empty()) {
    PINTLE_ASSIGN_OR_RETURN(cluster_token,
                            ReadTokenFile("--cluster-token-file", server.cluster_token_file));
  }
  PINTLE_RETURN_IF_ERROR(Register(security, cluster_token));
  host->SetServing(Probe::kStartup, true);
  host->SetServing(Probe::kReadiness, true);
  ticker = std::thread([this] { Tick(); });
  return absl::OkStatus();
}

absl::Status WorkerProcess::Rooms::Register(const TransportSecurity& security,
                                            const std::string& cluster_token) {
  for (const std::string& coordinator : options.coordinators) {
    RegistrationOptions registration;
    registration.cluster_token = cluster_token;
    registration.hello.set_protocol_version(1);
    registration.hello.set_worker(environment.worker.value());
    registration.hello.set_incarnation(environment.incarnation);
    registration.hello.set_advertise(options.advertise.empty() ? host->address()
                                                               : options.advertise);
    registration.hello.set_version(PINTLE_VERSION);
    ToProto(environment.model, registration.hello.mutable_model());
    const kv::KvStats stats = engine->Snapshot().kv;
    registration.hello.set_kv_tokens_capacity(stats.blocks_total * stats.block_tokens);
    registration.load = [this](v1::WorkerLoad* load) { FillLoad(load); };
    registration.state = [coordinator](const absl::Status& state) {
      // One line per change; the address is the operator's own flag.
      std::fprintf(stderr, "registration at %s: %s\n", coordinator.c_str(),
                   state.ok() ? "joined" : std::string(state.message()).c_str());
    };
    registration.jitter = [] { return static_cast<double>(RandomBits() >> 11) * 0x1p-53; };
    registrations.push_back(
        std::make_unique<RegistrationLoop>(std::move(registration), security.Dial(coordinator)));
  }
  return absl::OkStatus();
}

void WorkerProcess::Rooms::FillLoad(v1::WorkerLoad* load) {
  load->Clear();
  const EngineSnapshot snapshot = engine->Snapshot();
  load->set_turns_running(snapshot.turns_running);
  load->set_turns_waiting(snapshot.turns_waiting);
  load->set_queued_uncached_tokens(snapshot.queued_uncached_tokens);
  // Unknown until measured: never reported as zero.
  if (snapshot.prefill_tokens_per_second > 0) {
    load->set_prefill_tokens_per_second(snapshot.prefill_tokens_per_second);
  }
  if (snapshot.decode_tokens_per_second > 0) {
    load->set_decode_tokens_per_second(snapshot.decode_tokens_per_second);
  }
  const kv::KvStats& stats = snapshot.kv;
  load->set_kv_tokens_free(stats.Blocks(kv::BlockState::kFree) * stats.block_tokens);
  load->set_kv_tokens_evictable(stats.Blocks(kv::BlockState::kEvictable) * stats.block_tokens);
  load->set_draining(draining);
  ToProto(CacheReportOf(environment.worker, environment.model, snapshot), load->mutable_cache());
}

void WorkerProcess::Rooms::Collect(SampleFamilies& families) {
  families.Add("pintle_build_info", {{"version", PINTLE_VERSION}}, 1);
  metrics->Collect(engine->Snapshot(), families);
}

void WorkerProcess::Rooms::Tick() {
  absl::MutexLock lock(&mutex);
  while (!mutex.AwaitWithTimeout(absl::Condition(&stopping), kTickInterval)) {
    mutex.Unlock();
    front->ExpireIdle();
    inference_service->EndSlowReaders(absl::Seconds(options.server.slow_reader_seconds));
    if (record_file != nullptr) record_file->Flush();
    mutex.Lock();
  }
}

WorkerProcess::Rooms::~Rooms() {
  {
    absl::MutexLock lock(&mutex);
    stopping = true;
  }
  if (ticker.joinable()) ticker.join();
  registrations.clear();
  // The engine ends what still runs, so that no stream waits for ever; then the servers let go of
  // the services, and only then the rooms below them end.
  if (engine != nullptr) engine->Stop();
  if (host != nullptr) host->Shutdown(kShutdownGrace);
  endpoint.reset();
  pool.reset();
}

WorkerProcess::WorkerProcess(std::unique_ptr<Rooms> rooms) : rooms_(std::move(rooms)) {}
WorkerProcess::~WorkerProcess() = default;

absl::StatusOr<std::unique_ptr<WorkerProcess>> WorkerProcess::Start(const WorkerOptions& options,
                                                                    ModelParts model,
                                                                    const Clock& clock) {
  auto rooms = std::make_unique<Rooms>(options, clock);
  // Addresses are not known before listening; a worker of a cluster needs a name anyway.
  rooms->environment.worker = WorkerId(
      !options.name.empty() ? options.name : absl::StrCat("worker-", absl::Hex(RandomBits())));
  PINTLE_RETURN_IF_ERROR(rooms->LoadCallers());
  PINTLE_RETURN_IF_ERROR(rooms->StartEngine(std::move(model)));
  rooms->MakeSessions();
  PINTLE_RETURN_IF_ERROR(rooms->Serve());
  return std::unique_ptr<WorkerProcess>(new WorkerProcess(std::move(rooms)));
}

const std::string& WorkerProcess::address() const { return rooms_->host->address(); }
const std::string& WorkerProcess::metrics_address() const { return rooms_->metrics_address; }

void WorkerProcess::Drain(absl::Duration grace) {
  Rooms& rooms = *rooms_;
  rooms.draining = true;
  rooms.host->SetServing(Probe::kReadiness, false);
  // Coordinators hear it before the first refused turn does harm.
  for (const auto& registration : rooms.registrations) registration->ReportNow();
  rooms.inference_service->Drain();
  rooms.execution_service->Drain();
  // A disk tier needs its part of the grace time even when turns take all of theirs.
  const bool saves = !rooms.options.disk_tier.empty();
  const absl::Duration end = rooms.clock.Monotonic() + grace;
  const absl::Duration turns = saves ? grace * kTurnsPartOfGrace : grace;
  rooms.engine->Drain(turns);
  rooms.engine->AwaitIdle(turns + absl::Seconds(saves ? 0.5 : 2));
  rooms.host->Shutdown(kShutdownGrace);
  if (!saves) return;
  rooms.engine->Stop();
  rooms.engine->SaveTier(end - rooms.clock.Monotonic(), [](std::int64_t done, std::int64_t total) {
    std::fprintf(stderr, "disk tier: %lld of %lld blocks of sessions are on disk\n",
                 static_cast<long long>(done), static_cast<long long>(total));
  });
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "tests/services/service_world.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "services/cache_stats/cache_stats_service.h"
#include "services/cache_stats/local_cache.h"
#include "services/execution/execution_service.h"
#include "services/identity/call_metadata.h"
#include "services/inference/inference_service.h"
#include "services/sessions/sessions_service.h"
#include "services/wire/status_conversion.h"
#include "sessions/local_placer.h"
#include "sessions/memory_session_store.h"
#include "sessions/pin_front.h"
#include "sessions/session_mover.h"

namespace pintle::testing {

void RecordingObserver::OnEnd(const RequestRecord& record) {
  absl::MutexLock lock(&mutex_);
  records_.push_back(record);
}

std::vector<RequestRecord> RecordingObserver::WaitFor(std::size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto enough = [&] { return records_.size() >= count; };
  mutex_.Await(absl::Condition(&enough));
  return records_;
}

void FakeText::Tokenize(TokenizeRequest request, TokenizeCallback done) {
  if (const auto* prompt = std::get_if<PromptInput>(&request.input)) {
    if (prompt->text == "fail") {
      return done(MakeError(Reason::kTemplateFailed, "it was asked to"));
    }
  }
  done(TokenizeResult{FakeTokens(request.input), "text"});
}

std::vector<ModelInfo> FakeText::ListModels() const {
  ModelInfo model;
  model.name = std::string("fake");
  model.context_tokens = 4096;
  model.fingerprint = FakeSessionKv::Shape().fingerprint;
  model.vocabulary = 100000;
  return {model};
}

void FakeCacheStats::GetCacheReports(const CacheQuery& query, Callback done) {
  CacheReport report;
  report.worker = WorkerId(std::string("fake"));
  TierReport tier;
  tier.blocks_total = 7;
  report.tiers = {tier, tier};
  report.tenants = {{TenantId("acme"), 1, 10}, {TenantId("default"), 2, 20}};
  // Three sessions, named after the tenant.
  for (const char* end : {"", "-2", "-3"}) {
    SessionCacheReport session;
    session.key = {query.tenant, SessionId(query.tenant.value() + end)};
    const bool wanted = query.after.empty() || (session.key.session <=> query.after) > 0;
    if (!query.include_sessions || !wanted || report.sessions.size() == query.page_size) continue;
    report.sessions.push_back(session);
  }
  done(std::vector<CacheReport>{report});
}

CacheMoment FakeCacheDesk::Moment() const {
  absl::MutexLock lock(&mutex_);
  CacheMoment moment;
  moment.sequence = last_;
  moment.report.worker = WorkerId("fake");
  TierReport tier;
  tier.tokens_stored = 16 * static_cast<std::int64_t>(last_);
  moment.report.tiers = {tier};
  return moment;
}

bool FakeCacheDesk::ReadEvents(std::uint64_t sequence, std::size_t max,
                               std::vector<CacheEvent>* events) const {
  absl::MutexLock lock(&mutex_);
  if (sequence < gone_ || sequence > last_) return false;
  for (std::uint64_t at = sequence + 1; at <= last_ && events->size() < max; ++at) {
    CacheEvent event;
    event.sequence = at;
    event.key = {TenantId("acme"), SessionId("tea")};
    event.tokens = 16;
    events->push_back(event);
  }
  return true;
}

std::uint64_t FakeCacheDesk::LastSequence() const {
  absl::MutexLock lock(&mutex_);
  return last_;
}

bool FakeCacheDesk::AwaitEvents(std::uint64_t sequence, absl::Duration timeout) const {
  absl::MutexLock lock(&mutex_);
  const auto there = [this, sequence]()
                         ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return closed_ || last_ > sequence; };
  mutex_.AwaitWithTimeout(absl::Condition(&there), timeout);
  return !closed_;
}

absl::Time FakeCacheDesk::WallTimeOf(absl::Duration monotonic) const {
  return absl::FromUnixSeconds(1000) + monotonic;
}

void FakeCacheDesk::ExplainEviction(
    std::int64_t tokens, absl::AnyInvocable<void(absl::StatusOr<EvictionExplanation>)> done) {
  if (tokens < 1) return done(InvalidField("tokens_needed", "is 0, at least 1"));
  EvictionExplanation explanation;
  explanation.worker = WorkerId("fake");
  explanation.blocks_needed = tokens;
  ExplainedVictim victim;
  victim.tenant = TenantId("acme");
  victim.sessions = {SessionId("tea")};
  victim.holders = 1;
  explanation.victims = {victim};
  done(explanation);
}

void FakeCacheDesk::SetEvictionPolicy(std::string name,
                                      absl::AnyInvocable<void(absl::StatusOr<std::string>)> done) {
  std::string previous;
  {
    absl::MutexLock lock(&mutex_);
    if (name == "lru" || name == "fifo") previous = std::exchange(policy_, name);
  }
  if (previous.empty()) return done(InvalidField("policy", "is not one of: lru, fifo"));
  done(previous);
}

void FakeCacheDesk::Forget(std::uint64_t sequence) {
  absl::MutexLock lock(&mutex_);
  gone_ = sequence;
}

void FakeCacheDesk::Add() {
  absl::MutexLock lock(&mutex_);
  ++last_;
}

void FakeCacheDesk::Close() {
  absl::MutexLock lock(&mutex_);
  closed_ = true;
}

void FakeFleet::ListWorkers(v1::ListWorkersResponse* out) const {
  out->add_workers()->set_id("fake");
}

void FakeFleet::Note(std::string what) {
  absl::MutexLock lock(&mutex_);
  notes_.push_back(std::move(what));
}

absl::StatusOr<std::uint64_t> FakeFleet::Join(const v1::WorkerHello& hello,
                                              std::uint64_t sequence) {
  Note(absl::StrCat("join ", hello.worker(), " ", sequence));
  if (hello.worker() == "full") return MakeError(Reason::kQueueFull, "no room");
  return std::uint64_t{41};
}

absl::Status FakeFleet::Report(std::uint64_t registration, std::uint64_t sequence,
                               const v1::WorkerLoad& load) {
  Note(absl::StrCat("report ", registration, " ", sequence));
  if (load.draining()) return MakeError(Reason::kWorkerLost, "register anew");
  return absl::OkStatus();
}

void FakeFleet::Leave(std::uint64_t registration) { Note(absl::StrCat("leave ", registration)); }

std::vector<std::string> FakeFleet::WaitFor(std::size_t count) {
  absl::MutexLock lock(&mutex_);
  const auto enough = [&] { return notes_.size() >= count; };
  mutex_.Await(absl::Condition(&enough));
  return notes_;
}

struct ServiceWorld::Parts {
  explicit Parts(Options options)
      : rules(*CallerRules::Create(std::move(options.identity))),
        backend(options.backend),
        store(clock, [n = std::uint64_t{0}]() mutable { return ++n; }, {}),
        placer(options.backend.worker, options.backend.incarnation, "fake", backend),
        turns(store, placer, nullptr, clock),
        session_front(store, turns, placer, clock),
        pins(store, session_front, kv),
        mover({&store, &session_front, &placer, &kv, &text}),
        inference(turns, text, rules, clock, {&records}),
        sessions(session_front, pins, mover, kv, rules),
        cache_stats(cache, cache_operations, rules),
        fleet_service(fleet, rules),
        execution(backend, rules, clock, {&records}, *kv.kv),
        registry(fleet, rules) {}

  SystemClock clock;
  const CallerRules rules;
  RecordingObserver records;
  FakeTurnBackend backend;
  FakeText text;
  FakeCacheStats cache;
  FakeCacheDesk desk;
  LocalCache cache_operations{desk, 4};
  FakeFleet fleet;
  MemorySessionStore store;
  LocalPlacer placer;
  TurnFront turns;
  SessionFront session_front;
  OneSessionKv kv;
  PinFront pins;
  SessionMover mover;
  InferenceService inference;
  SessionsService sessions;
  CacheStatsService cache_stats;
  FleetService fleet_service;
  ExecutionService execution;
  RegistryService registry;
  std::unique_ptr<GrpcHost> host;
};

ServiceWorld::ServiceWorld(Options options) : parts_(new Parts(std::move(options))) {
  GrpcHostOptions listen;
  listen.listen = std::string("127.0.0.1:0");
  absl::StatusOr<std::unique_ptr<GrpcHost>> host =
      GrpcHost::Start(listen, *TransportSecurity::Load({}),
                      {&parts_->inference, &parts_->sessions, &parts_->cache_stats,
                       &parts_->fleet_service, &parts_->execution, &parts_->registry});
  PINTLE_CHECK(host.ok(), "a free port on loopback is always there");
  parts_->host = *std::move(host);
}

ServiceWorld::~ServiceWorld() { parts_->host.reset(); }

FakeTurnBackend& ServiceWorld::backend() { return parts_->backend; }
RecordingObserver& ServiceWorld::records() { return parts_->records; }
FakeSessionKv& ServiceWorld::session_kv() { return *parts_->kv.kv; }
FakeCacheDesk& ServiceWorld::cache_desk() { return parts_->desk; }
FakeFleet& ServiceWorld::fleet() { return parts_->fleet; }
GrpcHost& ServiceWorld::host() { return *parts_->host; }

void ServiceWorld::Drain() {
  parts_->inference.Drain();
  parts_->execution.Drain();
}

std::shared_ptr<grpc::Channel> ServiceWorld::channel() const {
  return TransportSecurity::Load({})->Dial(parts_->host->address());
}

absl::Status Of(const grpc::Status& status) { return FromGrpcStatus(status); }

std::string FieldOf(const absl::Status& status) {
  const auto detail = DetailOf(status);
  return detail && !detail->fields.empty() ? detail->fields[0].field : std::string();
}

void Authorize(const std::string& token, grpc::ClientContext& context) {
  AddCredentials(token, "", context);
}

}  // namespace pintle::testing

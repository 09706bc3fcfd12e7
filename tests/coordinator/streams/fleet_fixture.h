// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_COORDINATOR_STREAMS_FLEET_FIXTURE_H_
#define PINTLE_TESTS_COORDINATOR_STREAMS_FLEET_FIXTURE_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "contract/clock.h"
#include "contract/errors.h"
#include "coordinator/membership/worker_registry.h"
#include "coordinator/streams/routed_backend.h"
#include "gtest/gtest.h"
#include "sessions/memory_session_store.h"
#include "sessions/turn_front.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {

// A worker's text side that answers when the test says so.
class HeldText final : public TextBackend {
 public:
  void Tokenize(TokenizeRequest, TokenizeCallback done) override {
    waiting.push_back(std::move(done));
  }
  std::vector<ModelInfo> ListModels() const override { return {}; }
  std::vector<TokenizeCallback> waiting;
};

// Connects each worker process to a fake of its own.
class FakeConnector final : public WorkerConnector {
 public:
  WorkerConnection Connect(const WorkerHello& hello) override {
    auto& turns = workers[hello.incarnation];
    turns = std::make_shared<FakeTurnBackend>(
        FakeTurnBackend::Options{hello.worker, hello.incarnation, answer_at_once, 2});
    texts[hello.incarnation] = std::make_shared<HeldText>();
    return {turns, texts[hello.incarnation]};
  }
  bool answer_at_once = true;
  std::map<Incarnation, std::shared_ptr<FakeTurnBackend>> workers;
  std::map<Incarnation, std::shared_ptr<HeldText>> texts;
};

// A coordinator without its wires: registry, relay, store and front over fake workers.
class FleetFixture {
 public:
  explicit FleetFixture(bool answer_at_once)
      : registry({8, absl::Seconds(3)}),
        backend(registry, connector, clock,
                [this](const std::string& line) {
                  absl::MutexLock lock(&log_mutex);
                  log += line;
                }),
        store(clock, [bits = 1ULL]() mutable { return ++bits; }, {}),
        front(store, backend, nullptr, clock) {
    connector.answer_at_once = answer_at_once;
  }

  RegistrationId Join(const char* worker, Incarnation incarnation) {
    WorkerHello hello;
    hello.worker = WorkerId(worker);
    hello.incarnation = incarnation;
    hello.advertise = std::string("host:1");
    hello.model.name = std::string("m");
    const auto joined = registry.Join(hello, 1, clock.Monotonic());
    EXPECT_TRUE(joined.ok()) << joined.status();
    return *joined;
  }
  SessionKey Create(const char* id) {
    NewSession session;
    session.id = SessionId(id);
    session.model = std::string("m");
    return store.Create(tenant, session)->key;
  }
  absl::StatusOr<std::unique_ptr<TurnStream>> Generate(const char* session,
                                                       std::vector<TokenId> tokens) {
    GenerationRequest request;
    request.session = SessionId(session);
    request.input = std::move(tokens);
    request.stopping.max_tokens = 4;
    return front.Generate(tenant, std::move(request), absl::InfiniteDuration());
  }
  static std::vector<TurnEvent> Drain(TurnStream& stream) {
    std::vector<TurnEvent> events;
    while (auto event = stream.Next()) events.push_back(*std::move(event));
    return events;
  }
  static absl::Status EndOf(const std::vector<TurnEvent>& events) {
    if (events.empty() || !IsLast(events.back())) return absl::UnknownError("not ended");
    const auto* failed = std::get_if<TurnFailed>(&events.back());
    return failed == nullptr ? absl::OkStatus() : failed->status;
  }

  const TenantId tenant{"t"};
  absl::Mutex log_mutex;
  std::string log;
  ManualClock clock;
  FakeConnector connector;
  WorkerRegistry registry;
  RoutedBackend backend;
  MemorySessionStore store;
  TurnFront front;
};

}  // namespace pintle

#endif  // PINTLE_TESTS_COORDINATOR_STREAMS_FLEET_FIXTURE_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_SESSIONS_FRONT_FIXTURE_H_
#define PINTLE_TESTS_SESSIONS_FRONT_FIXTURE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "contract/clock.h"
#include "contract/errors.h"
#include "gtest/gtest.h"
#include "sessions/memory_session_store.h"
#include "sessions/session_front.h"
#include "sessions/turn_front.h"
#include "tests/fakes/fake_turn_backend.h"

namespace pintle {

// Two fake workers, "w0" and "w1" with incarnations 1 and 2; the test says who gets the next turn.
class SwitchPlacer final : public TurnPlacer {
 public:
  explicit SwitchPlacer(bool answer_at_once)
      : workers_{std::make_shared<FakeTurnBackend>(
                     FakeTurnBackend::Options{WorkerId("w0"), 1, answer_at_once, 2}),
                 std::make_shared<FakeTurnBackend>(
                     FakeTurnBackend::Options{WorkerId("w1"), 2, answer_at_once, 2})} {}

  absl::StatusOr<Placement> Place(const PlacementQuery&) override {
    const std::size_t chosen = current;
    if (!failure.ok()) return failure;
    return Placement{WorkerId(chosen == 0 ? "w0" : "w1"), chosen + 1, "m", workers_[chosen]};
  }
  absl::StatusOr<std::string> ResolveModel(const std::string& model) override {
    if (model.empty() || model == "m") return std::string("m");
    return MakeError(Reason::kModelNotFound, "model");
  }
  std::shared_ptr<TurnBackend> BackendOf(const WorkerId&, Incarnation incarnation) override {
    return incarnation == 1 || incarnation == 2 ? workers_[incarnation - 1] : nullptr;
  }
  std::optional<std::int64_t> HeldTokens(const SessionKey&, const WorkerId&, Incarnation) override {
    return held;
  }
  FakeTurnBackend& worker(std::size_t index) { return *workers_[index]; }

  std::atomic<std::size_t> current = 0;
  absl::Status failure;
  std::optional<std::int64_t> held;

 private:
  const std::array<std::shared_ptr<FakeTurnBackend>, 2> workers_;
};

// A front over a memory store and two fake workers.
class FrontFixture {
 public:
  explicit FrontFixture(bool answer_at_once = true, TurnAdmission* admission = nullptr)
      : placer(answer_at_once),
        store(clock, [bits = 1ULL]() mutable { return ++bits; }, {}),
        front(store, placer, admission, clock),
        sessions(store, front, placer, clock) {}

  SessionKey Create(const char* id) {
    NewSession session;
    session.id = SessionId(id);
    session.model = std::string("m");
    EXPECT_TRUE(store.Create(tenant, session).ok());
    return SessionKey{tenant, SessionId(id)};
  }
  static GenerationRequest Request(const char* session, std::vector<TokenId> tokens) {
    GenerationRequest request;
    request.session = SessionId(session);
    request.input = std::move(tokens);
    request.stopping.max_tokens = 4;
    return request;
  }
  absl::StatusOr<std::unique_ptr<TurnStream>> Generate(GenerationRequest request) {
    return front.Generate(tenant, std::move(request), absl::InfiniteDuration());
  }
  Position PositionOf(const SessionKey& key) { return store.Get(key)->transcript.position(); }

  const TenantId tenant{"t"};
  ManualClock clock;
  SwitchPlacer placer;
  MemorySessionStore store;
  TurnFront front;
  SessionFront sessions;
};

// Everything a stream has to say now.
inline std::vector<TurnEvent> Drain(TurnStream& stream) {
  std::vector<TurnEvent> events;
  while (std::optional<TurnEvent> event = stream.Next()) events.push_back(*std::move(event));
  return events;
}

// The ids of choice 0 among the events.
inline std::vector<TokenId> OutputOf(const std::vector<TurnEvent>& events) {
  std::vector<TokenId> output;
  for (const TurnEvent& event : events) {
    const auto* chunk = std::get_if<TurnChunk>(&event);
    if (chunk == nullptr || chunk->choice != 0) continue;
    output.insert(output.end(), chunk->tokens.begin(), chunk->tokens.end());
  }
  return output;
}

// OK for a finished turn, its failure's status, or UNKNOWN while the turn goes on.
inline absl::Status EndOf(const std::vector<TurnEvent>& events) {
  if (events.empty() || !IsLast(events.back())) return absl::UnknownError("not ended");
  const auto* failed = std::get_if<TurnFailed>(&events.back());
  return failed == nullptr ? absl::OkStatus() : failed->status;
}

}  // namespace pintle

#endif  // PINTLE_TESTS_SESSIONS_FRONT_FIXTURE_H_

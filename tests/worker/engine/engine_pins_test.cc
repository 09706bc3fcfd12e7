// SPDX-License-Identifier: Apache-2.0
// Turns under pins: guarantees that hold in a full pool, and what happens beside them.
#include <string>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

// 64 blocks of 16 tokens, requests of up to 20 blocks: guarantees may come to 32 blocks.
EngineBench::Setup Small() {
  EngineBench::Setup setup;
  setup.decoder.context_tokens = 320;
  return setup;
}

EngineTurn Pinned(std::vector<TokenId> prompt, std::int32_t max_tokens, const char* session,
                  Position budget) {
  EngineTurn turn = EngineBench::Turn(std::move(prompt), max_tokens, session);
  turn.pin.emplace();
  turn.pin->kind = PinKind::kGuaranteed;
  turn.pin->budget_tokens = budget;
  turn.lease = absl::Minutes(5);
  return turn;
}

// Runs until all turns are committed.
void Serve(EngineBench& bench, const std::vector<TestTurn>& turns) {
  for (std::size_t ended = 0; ended < turns.size();) {
    bench.RunUntilIdle();
    const std::size_t before = ended;
    ended = 0;
    for (const TestTurn& turn : turns) {
      if (!turn.sink->Ended() && turn.sink->Record().finished.contains(0)) bench.Commit(turn);
      ended += turn.sink->Ended() ? 1 : 0;
    }
    ASSERT_GT(ended, before) << "no turn gets on";
  }
}

TEST(EnginePinsTest, AllSessionsPinnedAndThePoolFullStillServesTheLargestRequest) {
  EngineBench bench(Small());
  for (int i = 0; i < 4; ++i) {
    const std::string name = "pinned" + std::to_string(i);
    const auto prompt = EngineBench::Prompt(100, static_cast<std::uint32_t>(i));
    const SinkRecord record = bench.RunTurn(Pinned(prompt, 28, name.c_str(), 128));
    ASSERT_TRUE(record.ended->status.ok()) << record.ended->status;
  }
  const SinkRecord refused =
      bench.RunTurn(Pinned(EngineBench::Prompt(10, 9), 4, "one_too_many", 16));
  EXPECT_TRUE(HasReason(refused.ended->status, Reason::kPinBudget)) << refused.ended->status;
  for (int i = 0; i < 6; ++i) {
    const auto prompt = EngineBench::Prompt(280, static_cast<std::uint32_t>(50 + i));
    const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 30));
    ASSERT_TRUE(record.ended->status.ok()) << record.ended->status;
    EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 30));
  }
  for (int i = 0; i < 4; ++i) {
    const std::string name = "pinned" + std::to_string(i);
    auto prompt = EngineBench::Prompt(100, static_cast<std::uint32_t>(i));
    prompt.push_back(40);
    const SinkRecord record = bench.RunTurn(Pinned(prompt, 20, name.c_str(), 128));
    // All its full blocks; the budget has no block to spare for a copy of the next one.
    EXPECT_EQ(record.started->cached.session, 96) << "guaranteed KV was there";
  }
}

TEST(EnginePinsTest, APinnedTurnPassesAStalledOneAndIsNeverPreempted) {
  EngineBench bench(Small());
  // General turns fill all that is theirs and wait for each other.
  std::vector<TestTurn> general;
  for (std::uint32_t i = 0; i < 6; ++i) {
    general.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(200, i), 100)));
  }
  for (int i = 0; i < 5; ++i) bench.Round();
  EngineTurn urgent = Pinned(EngineBench::Prompt(60, 77), 60, "pinned", 128);
  urgent.priority = 0;  // last in rank
  const auto prompt = urgent.prompt;
  // It is set aside at once, so it waits only until those who stand on it have made way.
  const TestTurn pinned = bench.Submit(std::move(urgent));
  general.push_back(pinned);
  Serve(bench, general);
  EXPECT_EQ(pinned.sink->Record().tokens.at(0), bench.Reference(prompt, 60));
  for (const TestTurn& turn : general) EXPECT_TRUE(turn.sink->Record().ended->status.ok());
}

TEST(EnginePinsTest, AbortStormsOnPinnedSessionsLeaveNothingBehind) {
  EngineBench bench(Small());
  const auto first = EngineBench::Prompt(50, 1);
  bench.RunTurn(Pinned(first, 20, "s", 256));
  for (int i = 0; i < 300; ++i) {
    auto prompt = EngineBench::Prompt(60 + static_cast<std::size_t>(i % 90),
                                      static_cast<std::uint32_t>(i));
    if (i % 2 == 0) prompt.insert(prompt.begin(), first.begin(), first.end());
    EngineTurn turn = Pinned(prompt, 40, "s", 256);
    turn.n = 1 + i % 2;
    const TestTurn undone = bench.Submit(std::move(turn));
    const TestTurn beside = bench.Submit(EngineBench::Turn(EngineBench::Prompt(250, 7), 40));
    for (int round = 0; round < i % 12; ++round) bench.Round();
    bench.engine().Cancel(undone.id, absl::CancelledError("test"));
    bench.engine().Cancel(beside.id, absl::CancelledError("test"));
    bench.Round();
    ASSERT_TRUE(undone.sink->Ended());
    ASSERT_EQ(bench.BlocksInUse(), 0);
  }
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  EXPECT_EQ(stats.blocks_reserved, 0);
  EXPECT_EQ(stats.guaranteed_blocks, 16);
  auto prompt = first;
  prompt.push_back(41);
  EXPECT_EQ(bench.RunTurn(Pinned(prompt, 5, "s", 256)).started->cached.session, 50);
}

TEST(EnginePinsTest, ATurnBeyondItsBudgetIsRefusedAtOnce) {
  EngineBench bench(Small());
  const SinkRecord record = bench.RunTurn(Pinned(EngineBench::Prompt(60, 1), 100, "s", 128));
  EXPECT_TRUE(HasReason(record.ended->status, Reason::kSessionBudget)) << record.ended->status;
}

TEST(EnginePinsTest, ALeaseEndsByTheEnginesTimerAndThePressureTakesTheRest) {
  EngineBench bench(Small());
  const auto prompt = EngineBench::Prompt(100, 1);
  bench.RunTurn(Pinned(prompt, 10, "s", 256));
  EXPECT_EQ(bench.engine().Snapshot().kv.guaranteed_tokens, 256);
  bench.clock().Advance(absl::Minutes(6));
  bench.Round();
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  EXPECT_EQ(stats.guaranteed_tokens, 0);
  EXPECT_EQ(stats.lease_expirations, 1);
  for (std::uint32_t i = 0; i < 6; ++i) {
    bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(280, 50 + i), 30));
  }
  EXPECT_GT(bench.engine().Snapshot().kv.evictions[kv::At(kv::KvReason::kLeaseExpired)], 0);
}

TEST(EnginePinsTest, SetPinAnswersFromTheEngineThread) {
  EngineBench bench(Small());
  const SessionKey key{TenantId("acme"), SessionId("s")};
  std::vector<PinVerdict> verdicts;
  const auto note = [&verdicts](const PinAnswer& answer) { verdicts.push_back(answer.verdict); };
  Pin pin;
  pin.kind = PinKind::kGuaranteed;
  pin.budget_tokens = 512;
  ASSERT_TRUE(bench.engine().SetPin(key, std::nullopt, absl::Minutes(1), note).ok());
  ASSERT_TRUE(bench.engine().SetPin(key, pin, absl::Minutes(1), note).ok());
  pin.budget_tokens = 513;
  ASSERT_TRUE(bench.engine().SetPin(key, pin, absl::Minutes(1), note).ok());
  bench.Round();
  EXPECT_EQ(verdicts, (std::vector<PinVerdict>{PinVerdict::kMissing, PinVerdict::kAccepted,
                                               PinVerdict::kRejected}));
}

TEST(EnginePinsTest, WaitingTooLongForTheTenantsOwnQuotaSaysSo) {
  EngineBench::Setup setup = Small();
  setup.engine.kv.tenants = {{TenantId("small"), 320, 0}};
  EngineBench bench(setup);
  const TestTurn running =
      bench.Submit(EngineBench::Turn(EngineBench::Prompt(180, 1), 60, "", "small"));
  const TestTurn waiting =
      bench.Submit(EngineBench::Turn(EngineBench::Prompt(180, 2), 60, "", "small"));
  for (int i = 0; i < 4; ++i) bench.Round();
  bench.clock().Advance(limits::kQueueTime);
  bench.Round();
  ASSERT_TRUE(waiting.sink->Ended());
  const absl::Status end = waiting.sink->Record().ended->status;
  EXPECT_TRUE(HasReason(end, Reason::kTenantQuota)) << end;
  EXPECT_TRUE(DetailOf(end)->retry_after.has_value());
  ASSERT_EQ(DetailOf(end)->quotas.size(), 1U);
  EXPECT_EQ(DetailOf(end)->quotas[0].field, "tenant");
  Serve(bench, {running});
}

TEST(EnginePinsTest, ATenantAtItsQuotaDelaysNobodyElse) {
  EngineBench::Setup setup = Small();
  setup.engine.kv.tenants = {{TenantId("small"), 320, 0}};
  EngineBench bench(setup);
  std::vector<TestTurn> small;
  for (std::uint32_t i = 0; i < 4; ++i) {
    small.push_back(
        bench.Submit(EngineBench::Turn(EngineBench::Prompt(180, i), 60, "", "small")));
  }
  const auto prompt = EngineBench::Prompt(200, 20);
  const TestTurn other = bench.Submit(EngineBench::Turn(prompt, 20, "", "other"));
  for (int i = 0; i < 60 && !other.sink->Record().finished.contains(0); ++i) bench.Round();
  EXPECT_EQ(other.sink->Record().tokens.at(0), bench.Reference(prompt, 20));
  small.push_back(other);
  Serve(bench, small);
  for (std::uint32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(small[i].sink->Record().tokens.at(0),
              bench.Reference(EngineBench::Prompt(180, i), 60));
  }
}

absl::StatusOr<PinVerdict> Tell(EngineBench& bench, const char* session, SessionTerms terms) {
  absl::StatusOr<PinVerdict> verdict = absl::UnknownError("no answer");
  bench.engine().UpdateSession({TenantId("acme"), SessionId(session)}, std::move(terms),
                               [&verdict](absl::StatusOr<PinVerdict> given) { verdict = given; });
  bench.RunUntilIdle();
  return verdict;
}

TEST(EnginePinsTest, ASessionToldToComeBackLateOrNeverGoesFirst) {
  EngineBench::Setup setup = Small();
  setup.engine.kv.policy = "session_aware";
  for (const bool closed : {true, false}) {
    EngineBench bench(setup);
    for (std::uint32_t i = 0; i < 3; ++i) {
      const std::string name = "s" + std::to_string(i);
      bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(240, i), 8, name.c_str()));
    }
    SessionTerms terms;
    terms.pin = Pin{};
    // The one used last would go last.
    if (closed) terms.hints.outlook = SessionOutlook::kClosed;
    terms.hints.expected_return = closed ? absl::Seconds(1) : absl::Hours(20);
    ASSERT_TRUE(Tell(bench, "s2", terms).ok());
    terms.hints = {SessionOutlook::kOpen, absl::Seconds(5)};
    ASSERT_TRUE(Tell(bench, "s0", terms).ok());
    ASSERT_TRUE(Tell(bench, "s1", terms).ok());
    bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(280, 9), 8, "new"));
    const kv::KvCache& cache = bench.engine().cache();
    EXPECT_LT(cache.HeldTokens({TenantId("acme"), SessionId("s2")}), 240);
    EXPECT_GE(cache.HeldTokens({TenantId("acme"), SessionId("s0")}), 240);
    EXPECT_GE(cache.HeldTokens({TenantId("acme"), SessionId("s1")}), 240);
  }
}

TEST(EnginePinsTest, ARejectedPinIsAnsweredWithItsReasonAndChangesNothing) {
  EngineBench bench(Small());
  SessionTerms terms;
  terms.pin = Pin{.kind = PinKind::kGuaranteed, .budget_tokens = 33 * 16};
  EXPECT_TRUE(HasReason(Tell(bench, "a", terms).status(), Reason::kPinBudget));
  EXPECT_FALSE(bench.engine().cache().SessionStats({TenantId("acme"), SessionId("a")}));
  terms.pin->budget_tokens = 32 * 16;
  EXPECT_EQ(*Tell(bench, "a", terms), PinVerdict::kAccepted);
}

TEST(EnginePinsTest, AWaitingTurnTakesThePinThatCameAfterIt) {
  EngineBench bench(Small());
  EngineTurn late = Pinned(EngineBench::Prompt(20, 1), 8, "a", 20 * 16);
  const TestTurn turn = bench.Submit(std::move(late));
  SessionTerms terms;
  terms.pin = Pin{};
  ASSERT_EQ(*Tell(bench, "a", terms), PinVerdict::kAccepted);
  Serve(bench, {turn});
  EXPECT_TRUE(turn.sink->Record().ended->status.ok());
  // What it had asked for is free again for another.
  terms.pin = Pin{.kind = PinKind::kGuaranteed, .budget_tokens = 32 * 16};
  EXPECT_EQ(*Tell(bench, "b", terms), PinVerdict::kAccepted);
}

}  // namespace
}  // namespace pintle

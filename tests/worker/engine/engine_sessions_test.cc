// SPDX-License-Identifier: Apache-2.0
// What a session holds between turns: commit, rollback, deletion, tenants.
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

const SessionKey kKey{TenantId("acme"), SessionId("s")};

TEST(EngineSessionsTest, SixTurnsReuseAllButTheLastSampledAndTheNewTokens) {
  EngineBench bench;
  std::vector<TokenId> transcript;
  for (std::uint32_t turn = 0; turn < 6; ++turn) {
    const auto prompt = Join(transcript, EngineBench::Prompt(13, turn));
    const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 20, "s"));
    EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 20)) << "turn " << turn;
    const auto held = static_cast<std::int32_t>(transcript.size()) - (turn == 0 ? 0 : 1);
    EXPECT_EQ(record.started->cached.Total(), held);
    transcript = Join(prompt, record.tokens.at(0));
    EXPECT_EQ(record.ended->held_tokens, static_cast<Position>(transcript.size()) - 1);
  }
}

TEST(EngineSessionsTest, ARolledBackTurnLeavesTheSessionExactlyAsItWas) {
  EngineBench bench;
  const auto first = EngineBench::Prompt(45, 1);
  const SinkRecord one = bench.RunTurn(EngineBench::Turn(first, 20, "s"));
  const auto history = Join(first, one.tokens.at(0));

  // Undone after 0 .. 30 rounds, appending to the history or replacing most of it.
  for (int rounds = 0; rounds < 31; ++rounds) {
    auto prompt = Join(history, EngineBench::Prompt(70, 100));
    if (rounds % 2 == 1) prompt = Join({history.begin(), history.begin() + 21}, prompt);
    const TestTurn undone = bench.Submit(EngineBench::Turn(prompt, 25, "s"));
    for (int i = 0; i < rounds; ++i) bench.Round();
    bench.engine().Cancel(undone.id, absl::CancelledError("test"));
    bench.Round();
    ASSERT_TRUE(undone.sink->Ended());
    EXPECT_EQ(undone.sink->Record().ended->held_tokens, 64);
    bench.ExpectAllBlocksFree();
  }
  const auto prompt = Join(history, EngineBench::Prompt(9, 3));
  const SinkRecord two = bench.RunTurn(EngineBench::Turn(prompt, 20, "s"));
  EXPECT_EQ(two.started->cached.Total(), 64);
  EXPECT_EQ(two.tokens.at(0), bench.Reference(prompt, 20));
}

TEST(EngineSessionsTest, CommitKeepsOnlyWhatEqualsTheTranscript) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(30, 1);
  const TestTurn turn = bench.Submit(EngineBench::Turn(prompt, 20, "s"));
  bench.RunUntilIdle();
  auto output = turn.sink->Record().tokens[0];
  // A stop string cut the 8th token; it was replaced by two others.
  output.resize(9);
  output[7] = output[7] == 50 ? 51 : 50;
  output[8] = 60;
  bench.engine().Commit(turn.id, {output});
  bench.Round();
  EXPECT_EQ(turn.sink->Record().ended->held_tokens, 37);
  const auto next = Join(Join(prompt, output), EngineBench::Prompt(5, 2));
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(next, 20, "s"));
  EXPECT_EQ(record.started->cached.Total(), 37);
  EXPECT_EQ(record.tokens.at(0), bench.Reference(next, 20));
}

TEST(EngineSessionsTest, APartialCommitKeepsWhatWasDeliveredWhileTheTurnRuns) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(30, 1);
  const TestTurn turn = bench.Submit(EngineBench::Turn(prompt, 200, "s"));
  for (int i = 0; i < 10; ++i) bench.Round();
  const auto output = turn.sink->Record().tokens[0];
  bench.engine().Commit(turn.id, {{output.begin(), output.begin() + 6}});
  bench.Round();
  EXPECT_TRUE(turn.sink->Record().ended->status.ok());
  EXPECT_EQ(turn.sink->Record().ended->held_tokens, 36);
  bench.ExpectAllBlocksFree();
}

TEST(EngineSessionsTest, CommittedOnlyChoiceZeroOfMany) {
  EngineBench bench;
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(30, 1), 20, "s");
  turn.n = 3;
  turn.sampling.temperature = 1.0F;
  const SinkRecord one = bench.RunTurn(turn);
  EXPECT_EQ(one.ended->held_tokens, 49);
  const auto next = Join(Join(turn.prompt, one.tokens.at(0)), EngineBench::Prompt(5, 2));
  const SinkRecord two = bench.RunTurn(EngineBench::Turn(next, 20, "s"));
  EXPECT_EQ(two.started->cached.Total(), 49);
  EXPECT_EQ(two.tokens.at(0), bench.Reference(next, 20));
}

TEST(EngineSessionsTest, ASecondTurnOfARunningSessionIsBusyUntilTheEndWasHeard) {
  EngineBench bench;
  absl::Status second;
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(30, 1), 5, "s");
  turn.sink = std::make_shared<RecordingSink>([&](const EngineEvent& event) {
    // Whoever hears of the end may submit at once.
    if (std::holds_alternative<EngineEnded>(event)) {
      second = bench.SubmitError(EngineBench::Turn(EngineBench::Prompt(3, 1), 5, "s"));
    }
  });
  const TestTurn first = bench.Submit(std::move(turn));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn(EngineBench::Prompt(3, 1), 5, "s")),
                        Reason::kSessionBusy));
  EXPECT_TRUE(bench.SubmitError(EngineBench::Turn(EngineBench::Prompt(3, 1), 5, "t")).ok());
  EXPECT_TRUE(
      bench.SubmitError(EngineBench::Turn(EngineBench::Prompt(3, 1), 5, "s", "other")).ok());
  bench.RunUntilIdle();
  second = absl::UnknownError("not called");
  bench.Commit(first);
  EXPECT_TRUE(second.ok()) << second;
}

TEST(EngineSessionsTest, TenantsNeverShareEqualPrompts) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(200, 1);
  bench.RunTurn(EngineBench::Turn(prompt, 5, "s", "acme"));
  EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 5, "s", "other")).started->cached.Total(), 0);
  EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 5, "", "other")).started->cached.Total(), 192);
  EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 5, "x", "acme")).started->cached.Total(), 192);
}

TEST(EngineSessionsTest, DropSessionForgetsItsKvAndCancelsItsTurn) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(30, 1);
  const SinkRecord one = bench.RunTurn(EngineBench::Turn(prompt, 5, "s"));
  const TestTurn running = bench.Submit(EngineBench::Turn(prompt, 100, "s"));
  for (int i = 0; i < 5; ++i) bench.Round();
  bench.engine().DropSession(kKey);
  bench.Round();
  EXPECT_TRUE(HasReason(running.sink->Record().ended->status, Reason::kSessionDeleted));
  EXPECT_EQ(bench.engine().cache().HeldTokens(kKey), 0);
  EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 5, "s")).started->cached.session, 0);
  bench.engine().DropSession({TenantId("acme"), SessionId("unknown")});
  bench.Round();
}

TEST(EngineSessionsTest, QuerySessionsAnswersForTheKnownOnes) {
  EngineBench bench;
  bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(30, 1), 5, "s"));
  std::vector<kv::KvSessionStats> found;
  ASSERT_TRUE(bench.engine()
                  .QuerySessions({kKey, {TenantId("acme"), SessionId("unknown")}},
                                 [&](std::vector<kv::KvSessionStats> stats) { found = stats; })
                  .ok());
  EXPECT_THAT(found, IsEmpty());
  bench.Round();
  ASSERT_THAT(found, SizeIs(1));
  EXPECT_EQ(found[0].key, kKey);
  EXPECT_EQ(found[0].held_tokens, 34);
  EXPECT_FALSE(found[0].running);
}

TEST(EngineSessionsTest, AnIdleSessionsKvGivesWayToOthersAndIsComputedAgain) {
  EngineBench::Setup setup;
  setup.blocks = 16;
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(60, 1);
  const SinkRecord one = bench.RunTurn(EngineBench::Turn(prompt, 20, "s"));
  bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(200, 2), 20, "t"));
  const auto next = Join(Join(prompt, one.tokens.at(0)), EngineBench::Prompt(5, 2));
  const SinkRecord two = bench.RunTurn(EngineBench::Turn(next, 20, "s"));
  EXPECT_LT(two.started->cached.Total(), 79);
  EXPECT_EQ(two.tokens.at(0), bench.Reference(next, 20));
}

}  // namespace
}  // namespace pintle

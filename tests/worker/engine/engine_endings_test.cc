// SPDX-License-Identifier: Apache-2.0
// How turns end that do not end by themselves: cancel, deadline, slow reader, failure, drain, stop.
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

absl::Status EndOf(const TestTurn& turn) {
  const SinkRecord record = turn.sink->Record();
  return record.ended ? record.ended->status : absl::UnknownError("not ended");
}

TEST(EngineCancelTest, EveryStageIsUndoneWithinOneRound) {
  // The prompt takes 7 rounds of at most 48 rows; rounds beyond 20 find the turn settled.
  EngineBench::Setup setup;
  setup.engine.scheduler.prefill_chunk_max = 48;
  for (std::int32_t n : {1, 3}) {
    for (int rounds = 0; rounds < 24; ++rounds) {
      EngineBench bench(setup);
      EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(300, 1), 10, "s");
      turn.n = n;
      const TestTurn test = bench.Submit(std::move(turn));
      for (int i = 0; i < rounds; ++i) bench.Round();
      bench.engine().Cancel(test.id, absl::CancelledError("the client went away"));
      bench.engine().Cancel(test.id, absl::InternalError("a second cancel counts for nothing"));
      bench.Round();
      EXPECT_EQ(EndOf(test).code(), absl::StatusCode::kCancelled);
      EXPECT_EQ(test.sink->Record().ended->held_tokens, 0);
      bench.ExpectAllBlocksFree();
      EXPECT_FALSE(bench.Round());
    }
  }
}

TEST(EngineCancelTest, UnknownTurnsAreIgnored) {
  EngineBench bench;
  bench.engine().Cancel(77, absl::CancelledError("test"));
  bench.engine().Commit(77, {});
  bench.engine().StopChoice(77, 0);
  EXPECT_FALSE(bench.Round());
}

TEST(EngineCancelTest, OthersGoOnUndisturbed) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(40, 1);
  const TestTurn doomed = bench.Submit(EngineBench::Turn(prompt, 100));
  const TestTurn other = bench.Submit(EngineBench::Turn(prompt, 60));
  for (int i = 0; i < 20; ++i) bench.Round();
  bench.engine().Cancel(doomed.id, absl::CancelledError("test"));
  bench.RunUntilIdle();
  EXPECT_EQ(bench.Commit(other).tokens.at(0), bench.Reference(prompt, 60));
}

TEST(EngineDeadlineTest, EndsAWaitingAndARunningTurnWithoutErrorInfo) {
  EngineBench bench;
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(20, 1), 500);
  turn.deadline = bench.clock().Monotonic() + absl::Seconds(5);
  const TestTurn running = bench.Submit(turn);
  for (int i = 0; i < 5; ++i) bench.Round();
  turn.sink = std::make_shared<RecordingSink>();
  const TestTurn late = bench.Submit(turn);
  bench.clock().Advance(absl::Seconds(5));
  bench.Round();
  for (const TestTurn& test : {running, late}) {
    EXPECT_EQ(EndOf(test).code(), absl::StatusCode::kDeadlineExceeded);
    EXPECT_FALSE(DetailOf(EndOf(test)).has_value());
  }
  EXPECT_FALSE(late.sink->Record().started) << "expired work never starts";
  bench.ExpectAllBlocksFree();
}

TEST(EngineQueueTest, WaitingTooLongForBlocksIsPoolFullWithARetryHint) {
  EngineBench::Setup setup;
  setup.blocks = 12;
  EngineBench bench(setup);
  const TestTurn running = bench.Submit(EngineBench::Turn(EngineBench::Prompt(140, 1), 20));
  bench.Round();
  const TestTurn waiting = bench.Submit(EngineBench::Turn(EngineBench::Prompt(140, 2), 20));
  bench.RunUntilIdle();  // the first has settled and holds its blocks
  EXPECT_FALSE(waiting.sink->Ended());
  EXPECT_EQ(bench.engine().Snapshot().turns_waiting, 1);
  bench.clock().Advance(limits::kQueueTime);
  bench.Round();
  EXPECT_TRUE(HasReason(EndOf(waiting), Reason::kPoolFull));
  EXPECT_TRUE(DetailOf(EndOf(waiting))->retry_after.has_value());
}

TEST(EngineQueueTest, TheQueueIsBoundedInLengthAndEndsMakeRoom) {
  EngineBench::Setup setup;
  setup.engine.queue_requests = 3;
  EngineBench bench(setup);
  std::vector<TestTurn> turns;
  for (std::uint32_t i = 0; i < 3; ++i) {
    turns.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(10, i), 5)));
  }
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({5}, 1)), Reason::kQueueFull));
  bench.Round();  // all three started
  for (std::uint32_t i = 0; i < 3; ++i) {
    turns.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(10, i), 5)));
  }
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({5}, 1)), Reason::kQueueFull));
  bench.engine().Cancel(turns.back().id, absl::CancelledError("test"));
  bench.Round();
  EXPECT_TRUE(bench.SubmitError(EngineBench::Turn({5}, 1)).ok());
}

TEST(EngineSlowReaderTest, IsPausedCostsOthersNothingAndGoesOnWhereItWas) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(20, 1);
  const TestTurn slow = bench.Submit(EngineBench::Turn(prompt, 50));
  const TestTurn other = bench.Submit(EngineBench::Turn(prompt, 50));
  for (int i = 0; i < 10; ++i) bench.Round();
  slow.sink->set_paused(true);
  const std::size_t before = slow.sink->Record().tokens[0].size();
  bench.RunUntilIdle();
  EXPECT_EQ(slow.sink->Record().tokens[0].size(), before);
  EXPECT_EQ(other.sink->Record().tokens[0].size(), 50U);
  EXPECT_EQ(bench.engine().Snapshot().sequences_paused, 1);
  slow.sink->set_paused(false);
  bench.engine().Wake();
  bench.RunUntilIdle();
  EXPECT_EQ(bench.Commit(slow).tokens.at(0), bench.Reference(prompt, 50));
}

TEST(EngineSlowReaderTest, LosesItsTurnAfterTheTimeAndTheSessionIsRolledBack) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(20, 1);
  bench.RunTurn(EngineBench::Turn(prompt, 5, "s"));
  const TestTurn slow = bench.Submit(EngineBench::Turn(prompt, 50, "s"));
  for (int i = 0; i < 10; ++i) bench.Round();
  slow.sink->set_paused(true);
  bench.Round();
  bench.clock().Advance(limits::kSlowReaderTime - absl::Seconds(1));
  bench.Round();
  EXPECT_FALSE(slow.sink->Ended());
  bench.clock().Advance(absl::Seconds(1));
  bench.Round();
  EXPECT_TRUE(HasReason(EndOf(slow), Reason::kSlowReader));
  EXPECT_EQ(slow.sink->Record().ended->held_tokens, 24);
  bench.ExpectAllBlocksFree();
}

TEST(EngineSlowReaderTest, LosesItsBlocksToOthersInNeedAndStillGetsTheSameTokens) {
  EngineBench::Setup setup;
  setup.blocks = 12;
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(100, 1);
  const TestTurn slow = bench.Submit(EngineBench::Turn(prompt, 50));
  for (int i = 0; i < 10; ++i) bench.Round();
  slow.sink->set_paused(true);
  const auto big = EngineBench::Prompt(120, 2);
  const TestTurn other = bench.Submit(EngineBench::Turn(big, 30));
  bench.RunUntilIdle();
  EXPECT_EQ(bench.Commit(other).tokens.at(0), bench.Reference(big, 30));
  EXPECT_EQ(bench.engine().Snapshot().preemptions, 1);
  slow.sink->set_paused(false);
  bench.RunUntilIdle();
  EXPECT_EQ(bench.Commit(slow).tokens.at(0), bench.Reference(prompt, 50));
}

TEST(EngineCommitTimeTest, ATurnNobodyCommitsIsRolledBack) {
  EngineBench bench;
  const TestTurn turn = bench.Submit(EngineBench::Turn(EngineBench::Prompt(20, 1), 5, "s"));
  bench.RunUntilIdle();
  EXPECT_GT(bench.BlocksInUse(), 0);
  bench.clock().Advance(limits::kSlowReaderTime);
  bench.Round();
  EXPECT_TRUE(HasReason(EndOf(turn), Reason::kSlowReader));
  bench.ExpectAllBlocksFree();
}

TEST(EngineFailureTest, ARowThatBreaksEndsItsTurnAlone) {
  EngineBench::Setup setup;
  SequenceId broken = 0;
  setup.decoder.broken = [&broken](SequenceId sequence) { return sequence == broken; };
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(20, 1);
  const TestTurn doomed = bench.Submit(EngineBench::Turn(prompt, 50));
  const TestTurn other = bench.Submit(EngineBench::Turn(prompt, 50));
  for (int i = 0; i < 10; ++i) bench.Round();
  broken = doomed.id * limits::kChoices;
  bench.RunUntilIdle();
  EXPECT_TRUE(HasReason(EndOf(doomed), Reason::kModelFailed));
  EXPECT_EQ(bench.Commit(other).tokens.at(0), bench.Reference(prompt, 50));
  bench.ExpectAllBlocksFree();
}

class EngineStepFailureTest : public ::testing::TestWithParam<bool> {};

TEST_P(EngineStepFailureTest, EndsTheTurnsInTheStepAndTheEngineGoesOn) {
  EngineBench::Setup setup;
  bool fail = false;
  auto& hook = GetParam() ? setup.decoder.on_launch : setup.decoder.on_collect;
  hook = [&fail](const StepBatch&) {
    return fail ? absl::InternalError("out of memory at 0xdeadbeef") : absl::OkStatus();
  };
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(20, 1);
  const TestTurn paused = bench.Submit(EngineBench::Turn(prompt, 30));
  const TestTurn doomed = bench.Submit(EngineBench::Turn(prompt, 30));
  for (int i = 0; i < 3; ++i) bench.Round();
  paused.sink->set_paused(true);
  fail = true;
  bench.Round();
  fail = false;
  EXPECT_TRUE(HasReason(EndOf(doomed), Reason::kModelFailed));
  EXPECT_EQ(std::string(EndOf(doomed).message()).find("0x"), std::string::npos);
  paused.sink->set_paused(false);
  bench.RunUntilIdle();
  EXPECT_EQ(bench.Commit(paused).tokens.at(0), bench.Reference(prompt, 30));
  EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 30)).tokens.at(0), bench.Reference(prompt, 30));
}

INSTANTIATE_TEST_SUITE_P(LaunchAndCollect, EngineStepFailureTest, ::testing::Bool());

TEST(EngineDrainTest, FinishesWhatRunsEndsWhatWaitsAndTakesNothingNew) {
  EngineBench::Setup setup;
  setup.engine.scheduler.sequences_max = 1;
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(20, 1);
  const TestTurn running = bench.Submit(EngineBench::Turn(prompt, 30));
  const TestTurn waiting = bench.Submit(EngineBench::Turn(prompt, 30));
  bench.Round();
  bench.engine().Drain(absl::Seconds(10));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn(prompt, 3)), Reason::kDraining));
  bench.RunUntilIdle();
  EXPECT_TRUE(HasReason(EndOf(waiting), Reason::kDraining));
  EXPECT_FALSE(bench.engine().AwaitIdle(absl::ZeroDuration()));
  EXPECT_EQ(bench.Commit(running).tokens.at(0), bench.Reference(prompt, 30));
  EXPECT_TRUE(bench.engine().AwaitIdle(absl::ZeroDuration()));
}

TEST(EngineDrainTest, EndsTheRestWhenTheGraceIsOver) {
  EngineBench bench;
  const TestTurn turn = bench.Submit(EngineBench::Turn(EngineBench::Prompt(20, 1), 500));
  bench.Round();
  bench.engine().Drain(absl::Seconds(10));
  bench.Round();
  EXPECT_FALSE(turn.sink->Ended());
  bench.clock().Advance(absl::Seconds(10));
  bench.Round();
  EXPECT_TRUE(HasReason(EndOf(turn), Reason::kDraining));
  bench.ExpectAllBlocksFree();
}

TEST(EngineStopTest, EndsEverySinkAndRefusesWhatComesLater) {
  EngineBench bench;
  const TestTurn running = bench.Submit(EngineBench::Turn(EngineBench::Prompt(20, 1), 500));
  bench.Round();
  const TestTurn unseen = bench.Submit(EngineBench::Turn(EngineBench::Prompt(20, 1), 500));
  bench.engine().Stop();
  EXPECT_TRUE(HasReason(EndOf(running), Reason::kDraining));
  EXPECT_TRUE(HasReason(EndOf(unseen), Reason::kDraining));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({5}, 1)), Reason::kDraining));
  bool asked = false;
  ASSERT_TRUE(bench.engine()
                  .QuerySessions({}, [&](std::vector<kv::KvSessionStats>) { asked = true; })
                  .ok());
  EXPECT_TRUE(asked);
  bench.ExpectAllBlocksFree();
}

}  // namespace
}  // namespace pintle

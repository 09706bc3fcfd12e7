// SPDX-License-Identifier: Apache-2.0
// One turn at a time: what Submit refuses, what a turn hears, how choices end.
#include "worker/engine/engine.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(EngineTest, ATurnHearsStartTokensAndEndAndItsTokensAreTheModels) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(50, 1);
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 40));
  ASSERT_TRUE(record.started && record.ended);
  EXPECT_EQ(record.started->prompt_tokens, 50);
  EXPECT_EQ(record.started->cached.Total(), 0);
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 40));
  EXPECT_THAT(record.finished, ElementsAre(Pair(0, FinishReason::kLength)));
  EXPECT_TRUE(record.ended->status.ok());
  bench.ExpectAllBlocksFree();
}

TEST(EngineTest, TellsOncePerRoundThatAllSinksHaveTheirEvents) {
  EngineBench::Setup setup;
  int told = 0;
  std::size_t heard = 0;
  std::vector<TestTurn> turns;
  setup.engine.delivered = [&] {
    ++told;
    heard = 0;
    for (const TestTurn& turn : turns) {
      for (const auto& [choice, tokens] : turn.sink->Record().tokens) heard += tokens.size();
    }
  };
  EngineBench bench(setup);
  for (std::uint32_t i = 0; i < 3; ++i) {
    turns.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(8, i), 5)));
  }
  bench.Round();
  EXPECT_EQ(told, 1);
  EXPECT_EQ(heard, 3U);
  bench.Round();
  EXPECT_EQ(told, 2);
  EXPECT_EQ(heard, 6U);
}

TEST(EngineTest, RefusesWhatItCannotRunAndQueuesNothing) {
  EngineBench bench;
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({}, 1)), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({1000}, 1)), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({-1}, 1)), Reason::kInvalidField));
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn({5}, 0)), Reason::kInvalidField));
  EngineTurn wide = EngineBench::Turn({5}, 1);
  wide.n = 9;
  EXPECT_TRUE(HasReason(bench.SubmitError(wide), Reason::kInvalidField));
  EXPECT_FALSE(bench.Round());
}

TEST(EngineTest, APromptBeyondPoolOrContextIsTooLongAndTheLongestOneRuns) {
  EngineBench bench;  // 64 blocks of 16, of which 62 may be a turn's
  const auto longest = EngineBench::Prompt(62 * 16 - 1, 1);
  EXPECT_TRUE(HasReason(bench.SubmitError(EngineBench::Turn(EngineBench::Prompt(62 * 16, 1), 5)),
                        Reason::kPromptTooLong));
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(longest, 5));
  EXPECT_EQ(record.tokens.at(0), bench.Reference(longest, 1));
  EXPECT_THAT(record.finished, ElementsAre(Pair(0, FinishReason::kLength)));

  EngineBench::Setup setup;
  setup.decoder.context_tokens = 40;
  EngineBench small(setup);
  EXPECT_TRUE(HasReason(small.SubmitError(EngineBench::Turn(EngineBench::Prompt(40, 1), 5)),
                        Reason::kPromptTooLong));
  const auto prompt = EngineBench::Prompt(37, 1);
  EXPECT_EQ(small.RunTurn(EngineBench::Turn(prompt, 5)).tokens.at(0), small.Reference(prompt, 3));
}

TEST(EngineTest, EosIsTheLastTokenOfItsChoice) {
  EngineBench::Setup setup;
  setup.decoder.eos_per_mille = 100;
  EngineBench bench(setup);
  const auto prompt = EngineBench::Prompt(20, 3);
  EngineTurn turn = EngineBench::Turn(prompt, 500);
  turn.stopping.eos_token_ids = {2};
  const SinkRecord record = bench.RunTurn(std::move(turn));
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 500));
  EXPECT_EQ(record.tokens.at(0).back(), 2);
  EXPECT_THAT(record.finished, ElementsAre(Pair(0, FinishReason::kEos)));
}

TEST(EngineTest, AStopIdEndsTheChoiceAndIsMaskedUntilMinTokens) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(20, 3);
  const auto free_run = bench.Reference(prompt, 10);
  EngineTurn turn = EngineBench::Turn(prompt, 10);
  turn.stopping.stop_token_ids = {free_run[3]};
  SinkRecord record = bench.RunTurn(turn);
  EXPECT_EQ(record.tokens.at(0), (std::vector<TokenId>{free_run.begin(), free_run.begin() + 4}));
  EXPECT_THAT(record.finished, ElementsAre(Pair(0, FinishReason::kStop)));

  turn.stopping.min_tokens = 6;
  turn.sink = std::make_shared<RecordingSink>();
  record = bench.RunTurn(turn);
  ASSERT_GE(record.tokens.at(0).size(), 6U);
  auto context = Join(prompt, {free_run.begin(), free_run.begin() + 3});
  EXPECT_EQ(record.tokens.at(0)[3], bench.decoder().ReferenceNext(context, {free_run[3]}));
}

TEST(EngineTest, LogprobsComeWithEachToken) {
  EngineBench bench;
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(20, 3), 5);
  turn.logprobs = true;
  turn.top_logprobs = 3;
  const SinkRecord record = bench.RunTurn(std::move(turn));
  ASSERT_THAT(record.logprobs.at(0), SizeIs(5));
  for (std::size_t i = 0; i < 5; ++i) {
    const TokenLogprob& logprob = record.logprobs.at(0)[i];
    EXPECT_EQ(logprob.token, record.tokens.at(0)[i]);
    ASSERT_THAT(logprob.top, SizeIs(3));
    EXPECT_EQ(logprob.top[0], std::make_pair(logprob.token, logprob.logprob));
  }
}

TEST(EngineTest, PromptLogprobsScoreEveryPositionThoughAllIsCached) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(150, 3);
  bench.RunTurn(EngineBench::Turn(prompt, 5, "s"));
  EngineTurn turn = EngineBench::Turn(prompt, 5, "s");
  turn.prompt_logprobs = true;
  turn.top_logprobs = 2;
  const SinkRecord record = bench.RunTurn(std::move(turn));
  EXPECT_EQ(record.started->cached.Total(), 0);
  Position next = 1;
  for (const EnginePromptScores& scores : record.scores) {
    EXPECT_EQ(scores.first_position, next);
    for (const TokenLogprob& score : scores.scores) {
      EXPECT_EQ(score.token, prompt[static_cast<std::size_t>(next)]);
      EXPECT_LT(score.logprob, 0.0F);
      EXPECT_THAT(score.top, SizeIs(2));
      ++next;
    }
  }
  EXPECT_EQ(next, 150);
  EXPECT_GT(record.scores.size(), 1U) << "long prompts are scored in chunks";
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 5));
}

TEST(EngineTest, ChoicesShareThePromptsBlocksAndDrawTheirOwnTokens) {
  EngineBench bench;
  const auto prompt = EngineBench::Prompt(166, 3);  // 10 full blocks and a tail
  EngineTurn turn = EngineBench::Turn(prompt, 12);
  turn.n = 4;
  turn.sampling.temperature = 1.0F;
  turn.sampling.seed = 7;
  const TestTurn test = bench.Submit(turn);
  while (test.sink->Record().finished.empty()) ASSERT_TRUE(bench.Round());
  EXPECT_LE(bench.BlocksInUse(), 10 + 4 * 2);
  EXPECT_EQ(bench.engine().Snapshot().prompt_tokens_computed, 166);
  bench.RunUntilIdle();
  const SinkRecord record = bench.Commit(test);
  for (std::int32_t choice = 0; choice < 4; ++choice) {
    EXPECT_EQ(record.tokens.at(choice),
              bench.decoder().ReferenceSampled(prompt, 12, turn.sampling, choice));
  }
  EXPECT_NE(record.tokens.at(0), record.tokens.at(1));
  bench.ExpectAllBlocksFree();
}

TEST(EngineTest, AStoppedChoiceMakesNoFurtherTokensAndItsBlocksAreFreeAtOnce) {
  EngineBench bench;
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(40, 3), 300);
  turn.n = 2;
  turn.sampling.temperature = 1.0F;  // equal choices would share their blocks
  const TestTurn test = bench.Submit(std::move(turn));
  for (int i = 0; i < 100; ++i) bench.Round();
  const std::size_t made = test.sink->Record().tokens[1].size();
  const std::int64_t in_use = bench.BlocksInUse();
  bench.engine().StopChoice(test.id, 1);
  bench.Round();
  EXPECT_LT(bench.BlocksInUse(), in_use - 4);
  bench.RunUntilIdle();
  const SinkRecord record = bench.Commit(test);
  EXPECT_EQ(record.tokens.at(1).size(), made);
  EXPECT_EQ(record.tokens.at(0).size(), 300U);
  EXPECT_THAT(record.finished, ElementsAre(Pair(0, FinishReason::kLength)));
}

TEST(EngineTest, SnapshotCountsWhatHappened) {
  EngineBench bench;
  const TestTurn test = bench.Submit(EngineBench::Turn(EngineBench::Prompt(40, 3), 10));
  bench.Round();
  EngineSnapshot snapshot = bench.engine().Snapshot();
  EXPECT_EQ(snapshot.turns_running, 1);
  EXPECT_EQ(snapshot.sequences_running, 1);
  EXPECT_EQ(snapshot.output_tokens, 1);
  EXPECT_EQ(snapshot.prompt_tokens_computed, 40);
  bench.RunUntilIdle();
  bench.Commit(test);
  snapshot = bench.engine().Snapshot();
  EXPECT_EQ(snapshot.turns_running, 0);
  EXPECT_EQ(snapshot.output_tokens, 10);
  EXPECT_EQ(snapshot.steps, 10);
  EXPECT_EQ(snapshot.queued_uncached_tokens, 0);
}

TEST(EngineTest, RatesAreThoseOfTheClock) {
  ManualClock* clock = nullptr;
  EngineBench::Setup setup;
  setup.decoder.on_collect = [&clock](const StepBatch& batch) {
    // 100 prompt tokens a second, 10 decoded ones.
    clock->Advance(batch.tokens.size() > 1 ? absl::Seconds(1) : absl::Milliseconds(100));
    return absl::OkStatus();
  };
  EngineBench bench(setup);
  clock = &bench.clock();
  bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(100, 3), 10));
  EXPECT_NEAR(bench.engine().Snapshot().prefill_tokens_per_second, 100.0, 1e-6);
  EXPECT_NEAR(bench.engine().Snapshot().decode_tokens_per_second, 10.0, 1e-6);
}

}  // namespace
}  // namespace pintle

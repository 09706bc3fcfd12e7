// SPDX-License-Identifier: Apache-2.0
// Drafts change when tokens come and nothing else: not one token, log-probability, held position or
// entry of a ledger. And they cost nothing where they bring nothing.
#include "worker/engine/speculator.h"

#include <memory>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;

EngineBench::Setup MakeSetup(bool drafts, std::int32_t echo_per_mille = 900) {
  EngineBench::Setup setup;
  setup.decoder.echo_per_mille = echo_per_mille;
  setup.engine.speculation.enabled = drafts;
  setup.engine.speculation.at_any_cost = true;
  setup.engine.speculation.tokens_max = limits::kDraftTokens;
  setup.blocks = 256;
  return setup;
}

// One turn with drafts and one without, which must be the same to everybody.
void ExpectSame(const EngineTurn& turn, std::int32_t accepted_min = 1) {
  EngineBench plain(MakeSetup(false));
  EngineBench drafting(MakeSetup(true));
  EngineTurn again = turn;
  again.sink = std::make_shared<RecordingSink>();
  const SinkRecord expected = plain.RunTurn(turn);
  const SinkRecord made = drafting.RunTurn(again);
  EXPECT_EQ(made.tokens, expected.tokens);
  EXPECT_EQ(made.finished, expected.finished);
  EXPECT_EQ(made.ended->held_tokens, expected.ended->held_tokens);
  ASSERT_EQ(made.logprobs.size(), expected.logprobs.size());
  for (const auto& [choice, logprobs] : expected.logprobs) {
    const auto& ours = made.logprobs.at(choice);
    ASSERT_EQ(ours.size(), logprobs.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      EXPECT_EQ(ours[i].logprob, logprobs[i].logprob);
      EXPECT_EQ(ours[i].top, logprobs[i].top);
    }
  }
  const EngineSnapshot figures = drafting.engine().Snapshot();
  EXPECT_GE(figures.accepted_tokens, accepted_min);
  EXPECT_LE(figures.accepted_tokens, figures.drafted_tokens);
  const EngineSnapshot before = plain.engine().Snapshot();
  EXPECT_EQ(figures.output_tokens, before.output_tokens);
  EXPECT_EQ(figures.kv.physical.added, before.kv.physical.added);
  EXPECT_EQ(figures.kv.sessions.added, before.kv.sessions.added);
  EXPECT_EQ(figures.prompt_tokens_computed, before.prompt_tokens_computed);
  EXPECT_LE(drafting.decoder().steps(), plain.decoder().steps());
}

EngineTurn LongTurn(std::int32_t max_tokens = 150) {
  return EngineBench::Turn(EngineBench::Prompt(30, 1), max_tokens, "s");
}

TEST(SpeculatorTest, GreedyTokensAreTheSameInFewerSteps) {
  ExpectSame(LongTurn(), 50);
  EngineBench drafting(MakeSetup(true));
  drafting.RunTurn(LongTurn());
  EXPECT_LT(drafting.decoder().steps(), 100);
}

TEST(SpeculatorTest, SampledTokensAreTheSame) {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    EngineTurn turn = LongTurn();
    turn.sampling.temperature = 0.05F;
    turn.sampling.top_p = 0.95F;
    turn.sampling.seed = seed;
    ExpectSame(turn);
  }
}

// A turn whose prompt has what would follow already.
EngineTurn QuotingTurn(std::uint32_t salt = 1) {
  EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(30, salt), 60, "s");
  turn.prompt = Join(turn.prompt, EngineBench(MakeSetup(false)).Reference(turn.prompt, 100));
  return turn;
}

TEST(SpeculatorTest, PenaltiesSeeTheDraftsBeforeTheirRow) {
  for (std::uint32_t salt = 1; salt <= 6; ++salt) {
    EngineTurn turn = QuotingTurn(salt);
    turn.sampling.presence_penalty = 0.15F;
    ExpectSame(turn, 0);
    turn = QuotingTurn(salt);
    turn.sampling.frequency_penalty = 0.06F;
    turn.sampling.repetition_penalty = 1.002F;
    turn.sampling.logit_bias = {{15, 0.5F}, {16, -0.5F}};
    ExpectSame(turn, 0);
  }
}

TEST(SpeculatorTest, LogprobsAreThoseOfEachToken) {
  EngineTurn turn = LongTurn();
  turn.logprobs = true;
  turn.top_logprobs = 3;
  ExpectSame(turn, 20);
}

TEST(SpeculatorTest, EveryChoiceHasDraftsOfItsOwn) {
  EngineTurn turn = LongTurn();
  turn.n = 3;
  turn.sampling.temperature = 0.05F;
  turn.sampling.seed = 7;
  ExpectSame(turn);
}

TEST(SpeculatorTest, LengthEndsInsideARunOfDrafts) {
  for (std::int32_t tokens = 1; tokens < 60; ++tokens) {
    SCOPED_TRACE(tokens);
    ExpectSame(LongTurn(tokens), 0);
  }
}

TEST(SpeculatorTest, StopIdsEndInsideARunOfDraftsAndMaskUntilThen) {
  for (TokenId stop = 10; stop < 30; ++stop) {
    for (const std::int32_t least : {0, 3, 17}) {
      SCOPED_TRACE(absl::StrCat("stop ", stop, " after ", least));
      EngineTurn turn = QuotingTurn();
      turn.stopping.stop_token_ids = {stop};
      turn.stopping.min_tokens = least;
      ExpectSame(turn, 0);
    }
  }
}

TEST(SpeculatorTest, AGuaranteesLastTokenIsEnough) {
  for (const bool drafts : {false, true}) {
    EngineBench::Setup setup = MakeSetup(drafts);
    setup.decoder.context_tokens = 1000;
    EngineBench bench(setup);
    EngineTurn turn = LongTurn(100);
    turn.pin = Pin();
    turn.pin->kind = PinKind::kGuaranteed;
    turn.pin->budget_tokens = 130;
    const SinkRecord record = bench.RunTurn(turn);
    ASSERT_TRUE(record.ended->status.ok()) << record.ended->status;
    EXPECT_EQ(record.tokens.at(0), bench.Reference(turn.prompt, 100));
  }
}

TEST(SpeculatorTest, NobodyLosesBlocksForDrafts) {
  // Two turns fill the pool to the last block but one.
  EngineBench::Setup setup = MakeSetup(true);
  setup.blocks = 14;
  EngineBench bench(setup);
  const TestTurn first = bench.Submit(EngineBench::Turn(EngineBench::Prompt(30, 1), 60));
  const TestTurn second = bench.Submit(EngineBench::Turn(EngineBench::Prompt(30, 2), 60));
  bench.RunUntilIdle();
  EXPECT_EQ(bench.engine().Snapshot().preemptions, 0);
  EXPECT_GT(bench.engine().Snapshot().accepted_tokens, 0);
  EXPECT_EQ(bench.Commit(first).tokens.at(0), bench.Reference(EngineBench::Prompt(30, 1), 60));
  EXPECT_EQ(bench.Commit(second).tokens.at(0), bench.Reference(EngineBench::Prompt(30, 2), 60));
  bench.ExpectAllBlocksFree();
}

TEST(SpeculatorTest, ARowThatFailsAmongDraftsIsTriedWithoutThem) {
  EngineBench::Setup setup = MakeSetup(true);
  auto among_drafts = std::make_shared<bool>(false);
  setup.decoder.on_collect = [among_drafts](const StepBatch& batch) {
    *among_drafts = batch.slices[0].rows > 1 && batch.slices[0].start >= 30;
    return absl::OkStatus();
  };
  setup.decoder.broken = [among_drafts](SequenceId) { return *among_drafts; };
  EngineBench bench(setup);
  const SinkRecord record = bench.RunTurn(LongTurn());
  ASSERT_TRUE(record.ended->status.ok()) << record.ended->status;
  EXPECT_EQ(record.tokens.at(0), bench.Reference(EngineBench::Prompt(30, 1), 150));
  EXPECT_EQ(bench.engine().Snapshot().accepted_tokens, 0);
  EXPECT_LE(bench.engine().Snapshot().drafted_tokens, limits::kDraftTokens);
}

TEST(SpeculatorTest, ASequenceThatFailsWithoutDraftsTooEnds) {
  EngineBench::Setup setup = MakeSetup(true);
  auto rows = std::make_shared<int>(0);
  setup.decoder.broken = [rows](SequenceId) { return ++*rows > 60; };
  EngineBench bench(setup);
  const TestTurn turn = bench.Submit(LongTurn());
  bench.RunUntilIdle();
  EXPECT_TRUE(HasReason(turn.sink->Record().ended->status, Reason::kModelFailed));
  bench.ExpectAllBlocksFree();
}

// Seconds of a greedy turn's steps when a row costs `row` and a step `step` beside.
double TimeOf(bool drafts, std::int32_t echo, absl::Duration step, absl::Duration row,
              std::uint32_t salt, EngineSnapshot* figures = nullptr) {
  auto clock = std::make_shared<ManualClock*>(nullptr);
  EngineBench::Setup setup = MakeSetup(drafts, echo);
  setup.engine.speculation.at_any_cost = false;
  setup.decoder.vocabulary = 65;
  setup.decoder.on_launch = [clock, step, row](const StepBatch& batch) {
    (*clock)->Advance(step + row * static_cast<int>(batch.tokens.size()));
    return absl::OkStatus();
  };
  EngineBench bench(setup);
  *clock = &bench.clock();
  const absl::Duration start = bench.clock().Monotonic();
  std::vector<TokenId> prompt = EngineBench::Prompt(200, salt);
  for (TokenId& token : prompt) token = token % 60;
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 500));
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 500));
  if (figures != nullptr) *figures = bench.engine().Snapshot();
  return absl::ToDoubleSeconds(bench.clock().Monotonic() - start);
}

TEST(SpeculatorTest, FreeTextAndDearRowsCostAtMostThreePercent) {
  for (const int row_us : {50, 500, 5000, 50000}) {
    for (const std::int32_t echo : {0, 200, 500, 800}) {
      for (std::uint32_t salt = 0; salt < 3; ++salt) {
        SCOPED_TRACE(absl::StrCat("row ", row_us, " us, echo ", echo, ", salt ", salt));
        const absl::Duration row = absl::Microseconds(row_us);
        const double plain = TimeOf(false, echo, absl::Milliseconds(10), row, salt);
        const double drafting = TimeOf(true, echo, absl::Milliseconds(10), row, salt);
        EXPECT_LE(drafting, plain * 1.03);
      }
    }
  }
}

TEST(SpeculatorTest, TextThatRepeatsItselfIsMuchFaster) {
  EngineSnapshot figures;
  const absl::Duration row = absl::Microseconds(200);
  const double plain = TimeOf(false, 980, absl::Milliseconds(10), row, 1);
  const double drafting = TimeOf(true, 980, absl::Milliseconds(10), row, 1, &figures);
  EXPECT_GE(plain / drafting, 2.0);
  EXPECT_GT(figures.accepted_tokens, 300);
}

TEST(SpeculatorTest, NothingIsDraftedWhenItIsOff) {
  EngineBench bench(MakeSetup(false));
  bench.RunTurn(LongTurn());
  EXPECT_EQ(bench.engine().Snapshot().drafted_tokens, 0);
}

TEST(SpeculatorTest, TheNumberOfDraftsIsBounded) {
  for (const std::int32_t wrong : {0, limits::kDraftTokens + 1}) {
    SpeculationOptions options;
    options.tokens_max = wrong;
    EXPECT_THAT(std::string(options.Validate().message()), HasSubstr("tokens_max"));
  }
  EXPECT_TRUE(SpeculationOptions().Validate().ok());
}

}  // namespace
}  // namespace pintle

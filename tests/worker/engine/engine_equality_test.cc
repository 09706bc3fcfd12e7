// SPDX-License-Identifier: Apache-2.0
// The same tokens however they are computed: batched = alone, cached = uncached, chunked = whole,
// preempted = not preempted. Exact, because FakeDecoder's output depends on every cached position.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

class EngineEqualityTest : public ::testing::TestWithParam<std::int32_t> {
 protected:
  EngineBench::Setup Setup(std::int32_t blocks_of_16 = 256) const {
    EngineBench::Setup setup;
    setup.decoder.block_tokens = GetParam();
    setup.blocks = std::max(8, blocks_of_16 * 16 / GetParam());
    return setup;
  }
};

TEST_P(EngineEqualityTest, BatchedEqualsAlone) {
  EngineBench bench(Setup(1024));
  std::vector<TestTurn> turns;
  for (std::uint32_t i = 0; i < 20; ++i) {
    turns.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(1 + i * 5, i), 30)));
  }
  bench.RunUntilIdle();
  for (std::uint32_t i = 0; i < 20; ++i) {
    EXPECT_EQ(bench.Commit(turns[i]).tokens.at(0),
              bench.Reference(EngineBench::Prompt(1 + i * 5, i), 30));
  }
  EXPECT_LT(bench.decoder().steps(), 100) << "they did not run together";
  bench.ExpectAllBlocksFree();
}

TEST_P(EngineEqualityTest, CachedEqualsUncached) {
  EngineBench bench(Setup());
  const auto shared = EngineBench::Prompt(600, 1);
  bench.RunTurn(EngineBench::Turn(shared, 5));
  const auto prompt = Join(shared, EngineBench::Prompt(20, 2));
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 40));
  EXPECT_EQ(record.started->cached.prefix, 600 / GetParam() * GetParam());
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 40));
}

TEST_P(EngineEqualityTest, AFullyCachedPromptStillComputesItsLastToken) {
  EngineBench bench(Setup());
  const auto prompt = EngineBench::Prompt(512, 1);
  bench.RunTurn(EngineBench::Turn(prompt, 5));
  const SinkRecord record = bench.RunTurn(EngineBench::Turn(prompt, 40));
  EXPECT_LE(record.started->cached.Total(), 511);
  EXPECT_GE(record.started->cached.Total(), 512 - GetParam());
  EXPECT_EQ(record.tokens.at(0), bench.Reference(prompt, 40));
}

TEST_P(EngineEqualityTest, ChunkedEqualsWhole) {
  for (std::int32_t chunk : {1, 7, 64, 512}) {
    EngineBench::Setup setup = Setup();
    setup.engine.scheduler.prefill_chunk_min = 1;
    setup.engine.scheduler.prefill_chunk_max = chunk;
    EngineBench bench(setup);
    const auto prompt = EngineBench::Prompt(333, 1);
    EXPECT_EQ(bench.RunTurn(EngineBench::Turn(prompt, 20)).tokens.at(0),
              bench.Reference(prompt, 20))
        << "chunks of " << chunk;
  }
}

TEST_P(EngineEqualityTest, PreemptedEqualsNotPreempted) {
  // Six turns that grow to 150 tokens each, in a pool for about two of them.
  EngineBench::Setup setup = Setup(24);
  if (GetParam() == 256) setup.blocks = 5;
  EngineBench bench(setup);
  std::vector<TestTurn> turns;
  for (std::uint32_t i = 0; i < 6; ++i) {
    turns.push_back(bench.Submit(EngineBench::Turn(EngineBench::Prompt(20 + i, i), 130)));
  }
  std::size_t ended = 0;
  std::vector<bool> done(turns.size());
  for (int round = 0; round < 20000 && ended < turns.size(); ++round) {
    bench.Round();
    for (std::size_t i = 0; i < turns.size(); ++i) {
      if (done[i] || turns[i].sink->Record().finished.empty()) continue;
      const SinkRecord record = bench.Commit(turns[i]);
      const auto salt = static_cast<std::uint32_t>(i);
      EXPECT_EQ(record.tokens.at(0), bench.Reference(EngineBench::Prompt(20 + salt, salt), 130));
      EXPECT_TRUE(record.ended->status.ok());
      done[i] = true;
      ++ended;
    }
  }
  EXPECT_EQ(ended, turns.size());
  if (GetParam() != 256) {
    EXPECT_GT(bench.engine().Snapshot().preemptions, 0);
  }
  bench.ExpectAllBlocksFree();
}

TEST_P(EngineEqualityTest, PreemptedChoicesDrawTheSameTokens) {
  EngineBench::Setup setup = Setup(40);
  if (GetParam() == 256) setup.blocks = 8;
  EngineBench bench(setup);
  std::vector<TestTurn> turns;
  std::vector<EngineTurn> wanted;
  for (std::uint32_t i = 0; i < 4; ++i) {
    EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(50 + i, i), 90);
    turn.n = 3;
    turn.sampling.temperature = 1.0F;
    turn.sampling.repetition_penalty = 1.1F;
    turn.sampling.presence_penalty = 0.5F;
    turn.sampling.seed = i;
    wanted.push_back(turn);
    turns.push_back(bench.Submit(turn));
  }
  std::size_t ended = 0;
  std::vector<bool> done(turns.size());
  for (int round = 0; round < 20000 && ended < turns.size(); ++round) {
    bench.Round();
    for (std::size_t i = 0; i < turns.size(); ++i) {
      if (done[i] || turns[i].sink->Record().finished.size() < 3) continue;
      const SinkRecord record = bench.Commit(turns[i]);
      for (std::int32_t choice = 0; choice < 3; ++choice) {
        EXPECT_EQ(record.tokens.at(choice), bench.decoder().ReferenceSampled(
                                                wanted[i].prompt, 90, wanted[i].sampling, choice));
      }
      done[i] = true;
      ++ended;
    }
  }
  EXPECT_EQ(ended, turns.size());
  if (GetParam() != 256) {
    EXPECT_GT(bench.engine().Snapshot().preemptions, 0);
  }
  bench.ExpectAllBlocksFree();
}

INSTANTIATE_TEST_SUITE_P(BlockSizes, EngineEqualityTest, ::testing::Values(16, 32, 256));

TEST(EngineStallTest, RunningStreamsGetATokenInEveryStepOfALongPrompt) {
  EngineBench::Setup setup;
  setup.blocks = 600;
  setup.engine.scheduler.prefill_chunk_max = 128;
  EngineBench bench(setup);
  const TestTurn stream = bench.Submit(EngineBench::Turn(EngineBench::Prompt(10, 1), 200));
  bench.Round();
  const TestTurn prompt = bench.Submit(EngineBench::Turn(EngineBench::Prompt(4000, 2), 1));
  std::size_t rounds = 0;
  while (prompt.sink->Record().finished.empty()) {
    const std::size_t before = stream.sink->Record().tokens[0].size();
    bench.Round();
    ASSERT_EQ(stream.sink->Record().tokens[0].size(), before + 1);
    ++rounds;
  }
  EXPECT_GE(rounds, 4000U / 128);
}

TEST(EngineProgressTest, ThrashInATinyPoolStillFinishesEverybody) {
  EngineBench::Setup setup;
  setup.blocks = 12;
  setup.engine.scheduler.queue_time = absl::InfiniteDuration();
  EngineBench bench(setup);
  std::vector<TestTurn> turns;
  for (std::uint32_t i = 0; i < 40; ++i) {
    EngineTurn turn = EngineBench::Turn(EngineBench::Prompt(1 + (i * 37) % 100, i), 60);
    turn.priority = static_cast<std::int32_t>(i * 29 % 100);
    turns.push_back(bench.Submit(std::move(turn)));
  }
  std::size_t ended = 0;
  std::vector<bool> done(turns.size());
  for (int round = 0; round < 50000 && ended < turns.size(); ++round) {
    bench.Round();
    for (std::uint32_t i = 0; i < turns.size(); ++i) {
      if (done[i] || turns[i].sink->Record().finished.empty()) continue;
      EXPECT_EQ(bench.Commit(turns[i]).tokens.at(0),
                bench.Reference(EngineBench::Prompt(1 + (i * 37) % 100, i), 60));
      done[i] = true;
      ++ended;
    }
  }
  EXPECT_EQ(ended, turns.size());
  EXPECT_GT(bench.engine().Snapshot().preemptions, 0);
  bench.ExpectAllBlocksFree();
}

}  // namespace
}  // namespace pintle

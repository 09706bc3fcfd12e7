// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/cache_watch.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

struct Sums {
  std::int64_t stored = 0;
  std::int64_t removed = 0;
  std::int64_t evictions = 0;
};

Sums SumOf(const Engine& engine) {
  std::vector<CacheEvent> events;
  EXPECT_TRUE(engine.events().Read(0, 1 << 20, &events));
  Sums sums;
  for (const CacheEvent& event : events) {
    (event.kind == CacheEventKind::kStored ? sums.stored : sums.removed) += event.tokens;
    sums.evictions += event.kind == CacheEventKind::kEvicted ? 1 : 0;
  }
  return sums;
}

TEST(CacheWatchTest, EventsSumUpToTheFiguresAndRegretIsCharged) {
  EngineBench::Setup setup;
  setup.blocks = 12;
  EngineBench bench(setup);
  const auto first = EngineBench::Prompt(60, 1);
  const SinkRecord one = bench.RunTurn(EngineBench::Turn(first, 20, "a"));
  // Others take the pool; then the session comes back to find its history gone.
  for (std::uint32_t other = 2; other < 6; ++other) {
    bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(80, other * 100), 20,
                                    absl::StrCat("b", other).c_str()));
  }
  const auto history = Join(first, one.tokens.at(0));
  const SinkRecord two =
      bench.RunTurn(EngineBench::Turn(Join(history, EngineBench::Prompt(5, 9)), 5, "a"));
  bench.Round();
  const EngineSnapshot figures = bench.engine().Snapshot();
  const Sums sums = SumOf(bench.engine());
  EXPECT_EQ(sums.stored, figures.kv.physical.added);
  EXPECT_EQ(sums.stored - sums.removed, figures.kv.physical.present);
  EXPECT_GT(sums.evictions, 0);
  EXPECT_EQ(figures.insight.events_lost, 0);
  std::int64_t tallied = 0;
  for (const kv::EvictionCount& row : figures.insight.evictions) tallied += row.evictions;
  EXPECT_EQ(tallied, sums.evictions);
  // What the client sees: history less its last token, less what was still cached.
  const auto missing = static_cast<std::int64_t>(history.size()) - 1 - two.started->cached.Total();
  std::int64_t regret = 0;
  for (const std::int64_t tokens : figures.insight.regret_tokens) regret += tokens;
  EXPECT_GT(missing, 0);
  EXPECT_EQ(regret, missing);
}

TEST(CacheWatchTest, TheFeedsFiguresAreTheEventsSoFar) {
  EngineBench bench;
  bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(33, 1), 10, "a"));
  bench.Round();
  std::uint64_t sequence = 0;
  const EngineSnapshot figures = bench.engine().events().Figures(&sequence);
  EXPECT_EQ(sequence, bench.engine().events().last_sequence());
  EXPECT_EQ(figures.kv.physical.added, SumOf(bench.engine()).stored);
}

}  // namespace
}  // namespace pintle

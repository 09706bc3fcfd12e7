// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/explain_plan.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

EvictionExplanation Explain(EngineBench& bench, std::int64_t tokens) {
  std::optional<EvictionExplanation> answer;
  EXPECT_TRUE(
      bench.engine()
          .ExplainEviction(tokens, [&answer](EvictionExplanation e) { answer = std::move(e); })
          .ok());
  bench.Round();
  return answer.value_or(EvictionExplanation());
}

TEST(ExplainPlanTest, WhatIsExplainedIsWhatThenHappens) {
  EngineBench::Setup setup;
  setup.blocks = 16;
  EngineBench bench(setup);
  for (std::uint32_t who = 1; who <= 3; ++who) {
    bench.RunTurn(
        EngineBench::Turn(EngineBench::Prompt(60, who * 100), 8, absl::StrCat("s", who).c_str()));
  }
  bench.Round();
  const kv::KvStats before = bench.engine().Snapshot().kv;
  const std::int64_t need = before.Blocks(kv::BlockState::kFree) + 4;
  const EvictionExplanation explanation = Explain(bench, need * before.block_tokens);
  EXPECT_EQ(explanation.blocks_needed, need);
  EXPECT_EQ(explanation.blocks_free, before.Blocks(kv::BlockState::kFree));
  EXPECT_EQ(explanation.blocks_evicted, 4);
  EXPECT_EQ(explanation.blocks_short, 0);
  ASSERT_EQ(explanation.victims.size(), 4U);
  EXPECT_EQ(explanation.victims[0].sessions, std::vector<SessionId>{SessionId("s1")});
  EXPECT_THAT(explanation.victims[0].why, testing::HasSubstr("lru score"));
  EXPECT_EQ(bench.engine().Snapshot().kv.evictions, before.evictions) << "nothing changed";
  // A turn of another session that takes at least as many.
  const std::uint64_t seen = bench.engine().events().last_sequence();
  bench.RunTurn(EngineBench::Turn(
      EngineBench::Prompt(static_cast<std::size_t>(need * before.block_tokens), 9000), 1, "new"));
  bench.Round();
  std::vector<CacheEvent> events;
  ASSERT_TRUE(bench.engine().events().Read(seen, 1 << 20, &events));
  std::vector<BlockIndex> evicted;
  for (const CacheEvent& event : events) {
    if (event.kind == CacheEventKind::kEvicted) evicted.push_back(event.block);
  }
  ASSERT_GE(evicted.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(evicted[i], explanation.victims[i].block);
}

TEST(ExplainPlanTest, RetainedBlocksAreNamedAsSuchAndComeLast) {
  EngineBench::Setup setup;
  setup.blocks = 16;
  EngineBench bench(setup);
  EngineTurn kept = EngineBench::Turn(EngineBench::Prompt(60, 100), 8, "kept");
  kept.pin.emplace();
  kept.pin->kind = PinKind::kRetained;
  kept.lease = absl::Minutes(5);
  bench.RunTurn(std::move(kept));
  bench.RunTurn(EngineBench::Turn(EngineBench::Prompt(60, 200), 8, "plain"));
  bench.Round();
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  const EvictionExplanation explanation = Explain(bench, stats.blocks_total * stats.block_tokens);
  EXPECT_EQ(explanation.blocks_short, 0);
  ASSERT_GE(explanation.victims.size(), 2U);
  const ExplainedVictim& first = explanation.victims.front();
  const ExplainedVictim& last = explanation.victims.back();
  EXPECT_EQ(first.pin, PinKind::kBestEffort) << "though it was used later";
  EXPECT_THAT(first.why, testing::StartsWith("best effort"));
  EXPECT_EQ(last.pin, PinKind::kRetained);
  EXPECT_THAT(last.why, testing::StartsWith("retained"));
}

TEST(ExplainPlanTest, GuaranteesInTheWayAreNamedWithTheirLeases) {
  EngineBench::Setup setup;
  setup.decoder.context_tokens = 160;
  EngineBench bench(setup);
  EngineTurn kept = EngineBench::Turn(EngineBench::Prompt(60, 100), 8, "kept");
  kept.pin.emplace();
  kept.pin->kind = PinKind::kGuaranteed;
  kept.pin->budget_tokens = 128;
  kept.lease = absl::Minutes(5);
  bench.RunTurn(std::move(kept));
  bench.clock().Advance(absl::Minutes(1));
  bench.Round();
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  EXPECT_EQ(stats.guaranteed_tokens, 128);
  EXPECT_EQ(stats.guaranteed_used_tokens,
            stats.Blocks(kv::BlockState::kPinned) * stats.block_tokens);
  const EvictionExplanation explanation = Explain(bench, stats.blocks_total * stats.block_tokens);
  EXPECT_GT(explanation.blocks_short, 0);
  ASSERT_EQ(explanation.blockers.size(), 1U);
  const EvictionBlocker& blocker = explanation.blockers[0];
  EXPECT_EQ(blocker.key.session, SessionId("kept"));
  EXPECT_EQ(blocker.blocks, stats.Blocks(kv::BlockState::kPinned));
  EXPECT_EQ(blocker.budget_tokens, 128);
  EXPECT_EQ(blocker.lease_left, absl::Minutes(4));
  EXPECT_EQ(explanation.blockers_unnamed, 0);
}

TEST(ExplainPlanTest, AShortfallSaysWhatIsInTheWay) {
  EngineBench::Setup setup;
  setup.blocks = 16;
  EngineBench bench(setup);
  const TestTurn turn = bench.Submit(EngineBench::Turn(EngineBench::Prompt(60, 1), 30, "a"));
  for (int i = 0; i < 5; ++i) bench.Round();
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  const EvictionExplanation explanation = Explain(bench, stats.blocks_total * stats.block_tokens);
  EXPECT_GT(explanation.blocks_in_use, 0);
  EXPECT_EQ(explanation.blocks_short, explanation.blocks_in_use);
  bench.engine().Cancel(turn.id, absl::CancelledError("test"));
  bench.Round();
}

TEST(ExplainPlanTest, TokensBeyondThePoolAreRefused) {
  EngineBench bench;
  const kv::KvStats stats = bench.engine().Snapshot().kv;
  for (const std::int64_t tokens :
       {std::int64_t{0}, std::int64_t{-5}, stats.blocks_total * stats.block_tokens + 1}) {
    const absl::Status status =
        bench.engine().ExplainEviction(tokens, [](const EvictionExplanation&) { FAIL(); });
    EXPECT_TRUE(HasReason(status, Reason::kInvalidField)) << tokens;
  }
}

TEST(ExplainPlanTest, ThePolicyChangesBetweenTwoStepsAndNamesItsPredecessor) {
  EngineBench bench;
  absl::StatusOr<std::string> previous = absl::UnknownError("not asked");
  const auto keep = [&previous](absl::StatusOr<std::string> name) { previous = std::move(name); };
  ASSERT_TRUE(bench.engine().SetPolicy("dice", keep).ok());
  bench.Round();
  EXPECT_TRUE(HasReason(previous.status(), Reason::kInvalidField));
  ASSERT_TRUE(bench.engine().SetPolicy("fifo", keep).ok());
  bench.Round();
  ASSERT_TRUE(previous.ok());
  EXPECT_EQ(*previous, "lru");
  EXPECT_EQ(bench.engine().Snapshot().kv.policy, "fifo");
  bench.engine().Stop();
  EXPECT_TRUE(HasReason(bench.engine().SetPolicy("lru", keep), Reason::kDraining));
}

}  // namespace
}  // namespace pintle

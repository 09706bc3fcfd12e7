// SPDX-License-Identifier: Apache-2.0
// Rounds, timers and the guard against a pool that can give nobody anything. What rounds compute
// is the subject of the engine_*_test.cc beside this file.
#include "worker/engine/engine_loop.h"

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

class EngineLoopTest : public ::testing::Test {
 protected:
  EngineLoopTest()
      : scheduler_(options_.scheduler),
        cache_(*kv::KvCache::Create(Kv())),
        mailbox_(100, 100),
        table_(*cache_, mailbox_, scheduler_, 8, 16, 1000),
        loop_(options_, scheduler_, *cache_, decoder_, mailbox_, table_, nullptr, clock_) {
    EXPECT_TRUE(decoder_.AllocateKv(8).ok());
  }

  static kv::KvOptions Kv() {
    kv::KvOptions options;
    options.blocks = 8;
    options.block_tokens = 16;
    options.bytes_per_token = 8;
    return options;
  }

  TestTurn Submit(std::size_t prompt, absl::Duration deadline = absl::InfiniteDuration()) {
    EngineTurn turn =
        EngineBench::Turn(EngineBench::Prompt(prompt, static_cast<std::uint32_t>(prompt)), 500);
    turn.deadline = deadline;
    TestTurn test;
    test.sink = std::static_pointer_cast<RecordingSink>(turn.sink);
    test.id = *mailbox_.Submit(std::move(turn), clock_.Monotonic());
    return test;
  }

  ManualClock clock_;
  EngineOptions options_;
  FakeDecoder decoder_{FakeDecoderOptions()};
  Scheduler scheduler_;
  std::unique_ptr<kv::KvCache> cache_;
  TurnMailbox mailbox_;
  TurnTable table_;
  EngineLoop loop_;
};

TEST_F(EngineLoopTest, AnEmptyRoundHasNothingToDoAndNoTimer) {
  EXPECT_FALSE(loop_.RunOnce());
  EXPECT_EQ(loop_.NextTimer(), absl::InfiniteDuration());
}

TEST_F(EngineLoopTest, NextTimerIsTheFirstThatRunsOut) {
  const absl::Duration start = clock_.Monotonic();
  const TestTurn turn = Submit(20, start + absl::Seconds(90));
  EXPECT_TRUE(loop_.RunOnce());
  EXPECT_EQ(loop_.NextTimer(), start + absl::Seconds(90));
  turn.sink->set_paused(true);
  loop_.RunOnce();
  EXPECT_EQ(loop_.NextTimer(), start + limits::kSlowReaderTime);
  turn.sink->set_paused(false);
  loop_.RunOnce();
  EXPECT_EQ(loop_.NextTimer(), start + absl::Seconds(90));
}

TEST_F(EngineLoopTest, AWaitingTurnsTimerIsTheQueueTime) {
  const TestTurn first = Submit(80);
  loop_.RunOnce();
  clock_.Advance(absl::Seconds(1));
  const absl::Duration submitted = clock_.Monotonic();
  const TestTurn second = Submit(81);
  for (int i = 0; i < 40; ++i) loop_.RunOnce();
  EXPECT_FALSE(second.sink->Record().started.has_value());
  EXPECT_LE(loop_.NextTimer(), submitted + limits::kQueueTime);
}

TEST_F(EngineLoopTest, ATurnThatCanNeverHaveItsBlocksEndsPoolFullInsteadOfHanging) {
  // Somebody outside the engine holds most of the pool.
  const auto tokens = EngineBench::Prompt(90, 7);
  kv::KvSequence hold = *cache_->Begin({TenantId("x"), SessionId("")}, tokens, absl::Seconds(1));
  ASSERT_TRUE(cache_->Grow(hold, 90, absl::Seconds(1)).ok());
  const TestTurn waits = Submit(60);
  while (loop_.RunOnce()) {
  }
  EXPECT_TRUE(HasReason(waits.sink->Record().ended->status, Reason::kPoolFull));
  const TestTurn stalls = Submit(10);
  while (loop_.RunOnce()) {
  }
  EXPECT_TRUE(HasReason(stalls.sink->Record().ended->status, Reason::kPoolFull));
  EXPECT_GT(stalls.sink->Record().tokens[0].size(), 0U);
  EXPECT_TRUE(cache_->CheckInvariants().ok());
}

TEST_F(EngineLoopTest, FinishCarriesOutWhatIsLeftAndEndsTheRest) {
  const TestTurn committed = Submit(20);
  const TestTurn rest = Submit(20);
  loop_.RunOnce();
  mailbox_.Commit(committed.id, {});
  mailbox_.Close();
  loop_.Finish(absl::UnavailableError("stop"));
  EXPECT_TRUE(committed.sink->Record().ended->status.ok());
  EXPECT_EQ(rest.sink->Record().ended->status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(loop_.Figures().turns_running, 0);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/turn_table.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kNow = absl::Seconds(10);

// A table over a cache of 20 blocks of 16 tokens; tokens are written without any decoder.
class TurnTableTest : public ::testing::Test {
 protected:
  TurnTableTest()
      : cache_(*kv::KvCache::Create(Options())),
        mailbox_(100, 100),
        scheduler_(SchedulerOptions()),
        table_(*cache_, mailbox_, scheduler_, 20, 16, 1000) {}

  static kv::KvOptions Options() {
    kv::KvOptions options;
    options.blocks = 20;
    options.block_tokens = 16;
    options.bytes_per_token = 8;
    return options;
  }

  ActiveTurn& Add(std::size_t prompt, std::int32_t n = 1, std::int32_t priority = 50) {
    EngineTurn turn =
        EngineBench::Turn(EngineBench::Prompt(prompt, static_cast<std::uint32_t>(next_)), 20);
    turn.n = n;
    turn.priority = priority;
    sinks_.push_back(std::static_pointer_cast<RecordingSink>(turn.sink));
    const TurnId id = *mailbox_.Submit(turn, kNow);
    table_.Add(id, std::move(turn), kNow);
    ++next_;
    return *table_.Find(id);
  }

  void Write(ActiveTurn& turn, std::int32_t choice) {
    kv::KvSequence& sequence = turn.choice(choice).kv;
    const auto& tokens = turn.choice(choice).tokens;
    ASSERT_TRUE(cache_->Grow(sequence, static_cast<Position>(tokens.size()), kNow).ok());
    cache_->TakeCopy(sequence);
    cache_->Append(sequence,
                   absl::MakeConstSpan(tokens).subspan(static_cast<std::size_t>(sequence.tokens())),
                   kNow);
  }

  std::unique_ptr<kv::KvCache> cache_;
  TurnMailbox mailbox_;
  Scheduler scheduler_;
  TurnTable table_;
  std::vector<std::shared_ptr<RecordingSink>> sinks_;
  int next_ = 0;
};

TEST_F(TurnTableTest, WaitingTurnsStandInRankOrder) {
  ActiveTurn& a = Add(10);
  ActiveTurn& b = Add(10, 1, 90);
  ActiveTurn& c = Add(10);
  EXPECT_THAT(table_.waiting(), ElementsAre(&b, &a, &c));
}

TEST_F(TurnTableTest, AdmitReservesThePromptAndOneBlockMore) {
  ActiveTurn& turn = Add(40);
  ASSERT_TRUE(table_.Admit(turn, kNow).ok());
  EXPECT_EQ(table_.BlocksAvailable(), 20 - 3 - 1);
  EXPECT_THAT(table_.waiting(), IsEmpty());
  EXPECT_THAT(table_.running(), ElementsAre(&turn));
  EXPECT_TRUE(sinks_[0]->Record().started.has_value());
}

TEST_F(TurnTableTest, AdmitWithoutBlocksChangesNothing) {
  ASSERT_TRUE(table_.Admit(Add(200), kNow).ok());
  ActiveTurn& second = Add(200);
  EXPECT_TRUE(HasReason(table_.Admit(second, kNow), Reason::kPoolFull));
  EXPECT_THAT(table_.waiting(), ElementsAre(&second));
  EXPECT_FALSE(sinks_[1]->Record().started.has_value());
  EXPECT_TRUE(cache_->CheckInvariants().ok());
}

TEST_F(TurnTableTest, APreemptedTurnWaitsAgainAndStartsOnlyOnceForItsSink) {
  ActiveTurn& turn = Add(40);
  ASSERT_TRUE(table_.Admit(turn, kNow).ok());
  Write(turn, 0);
  turn.Accept(0, 77);
  table_.Preempt(turn, kNow);
  EXPECT_EQ(table_.BlocksAvailable(), 20);
  EXPECT_THAT(table_.waiting(), ElementsAre(&turn));
  ASSERT_TRUE(table_.Admit(turn, kNow).ok());
  EXPECT_GE(turn.choice(0).kv.tokens(), 32) << "its full blocks are found again";
  EXPECT_EQ(turn.TokensLeft(0), 41 - turn.choice(0).kv.tokens());
  EXPECT_EQ(table_.preemptions(), 1);
}

TEST_F(TurnTableTest, APreemptedTurnWithNothingLeftToMakeIsParkedAndCanBeCommitted) {
  ActiveTurn& turn = Add(40);
  ASSERT_TRUE(table_.Admit(turn, kNow).ok());
  Write(turn, 0);
  table_.EndChoice(turn, 0, kNow);
  table_.Preempt(turn, kNow);
  EXPECT_EQ(turn.phase, ActiveTurn::Phase::kParked);
  EXPECT_THAT(table_.waiting(), IsEmpty());
  table_.Commit(turn, {}, kNow);
  EXPECT_TRUE(sinks_[0]->Record().ended->status.ok());
  EXPECT_TRUE(mailbox_.AwaitNoTurns(absl::ZeroDuration()));
}

TEST_F(TurnTableTest, ForkGivesEveryOpenChoiceASequenceOverTheSamePrompt) {
  ActiveTurn& turn = Add(40, 3);
  ASSERT_TRUE(table_.Admit(turn, kNow).ok());
  Write(turn, 0);
  table_.EndChoice(turn, 1, kNow);
  ASSERT_TRUE(table_.Fork(turn, kNow).ok());
  EXPECT_FALSE(turn.AwaitsFork());
  EXPECT_FALSE(turn.choice(1).kv.valid());
  EXPECT_EQ(turn.choice(2).kv.tokens(), 40);
  EXPECT_EQ(turn.choice(2).kv.block_table()[0], turn.choice(0).kv.block_table()[0]);
  table_.EndChoice(turn, 2, kNow);
  EXPECT_FALSE(turn.choice(2).kv.valid());
  table_.Cancel(turn, absl::CancelledError("test"), kNow);
  EXPECT_EQ(table_.BlocksAvailable(), 20);
  EXPECT_TRUE(cache_->CheckInvariants().ok());
}

TEST_F(TurnTableTest, ClipLeavesTwoBlocksAndDividesTheRestAmongChoices) {
  // 18 of 20 blocks; a prompt of 40 is 2 full blocks and 8 tokens of each choice's own.
  EXPECT_EQ(table_.Clip(40, 1, 5000), 16 * 16 - 8);
  EXPECT_EQ(table_.Clip(40, 4, 5000), 4 * 16 - 8);
  EXPECT_EQ(table_.Clip(40, 4, 7), 7);
  EXPECT_LT(table_.Clip(18 * 16, 1, 5), 1);
  EXPECT_EQ(table_.PromptLimit(1), 18 * 16 - 1);
  EXPECT_EQ(table_.Clip(table_.PromptLimit(1), 1, 5), 1);
  EXPECT_EQ(table_.Clip(table_.PromptLimit(4), 4, 5), 1);
  EXPECT_LT(table_.Clip(table_.PromptLimit(4) + 1, 4, 5), 1);
}

}  // namespace
}  // namespace pintle

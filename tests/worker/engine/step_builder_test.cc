// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/step_builder.h"

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/worker/engine/engine_bench.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kNow = absl::Seconds(10);

class StepBuilderTest : public ::testing::Test {
 protected:
  StepBuilderTest() {
    kv::KvOptions options;
    options.blocks = 8;
    options.block_tokens = 16;
    options.bytes_per_token = 8;
    cache_ = *kv::KvCache::Create(options);
  }

  std::unique_ptr<ActiveTurn> Begin(TurnId id, std::size_t prompt, std::int32_t n = 1,
                                    bool scored = false) {
    EngineTurn request =
        EngineBench::Turn(EngineBench::Prompt(prompt, static_cast<std::uint32_t>(id)), 20);
    request.n = n;
    request.prompt_logprobs = scored;
    auto turn = std::make_unique<ActiveTurn>(id, std::move(request), kNow, 20);
    turn->choice(0).kv = *cache_->Begin(turn->request().key, turn->prompt(), kNow);
    return turn;
  }

  std::unique_ptr<kv::KvCache> cache_;
  StepBuilder builder_;
};

TEST_F(StepBuilderTest, AChunkInsideThePromptSamplesNothing) {
  const auto turn = Begin(1, 40);
  ASSERT_TRUE(builder_.Add(*turn, 0, 30, *cache_, kNow).ok());
  const StepBatch& batch = builder_.batch();
  EXPECT_THAT(batch.tokens, SizeIs(30));
  ASSERT_THAT(batch.slices, SizeIs(1));
  EXPECT_EQ(batch.slices[0].start, 0);
  EXPECT_EQ(batch.slices[0].sequence, turn->SequenceOf(0));
  EXPECT_THAT(batch.slices[0].block_table, SizeIs(2));
  EXPECT_THAT(batch.samples, IsEmpty());
  EXPECT_EQ(builder_.slices()[0].prompt_rows, 30);
}

TEST_F(StepBuilderTest, TheEndOfWhatIsKnownIsSampledWithTheWholeContext) {
  const auto first = Begin(1, 10);
  const auto second = Begin(2, 5);
  second->Accept(0, 99);
  ASSERT_TRUE(builder_.Add(*first, 0, 10, *cache_, kNow).ok());
  ASSERT_TRUE(builder_.Add(*second, 0, 6, *cache_, kNow).ok());
  const StepBatch& batch = builder_.batch();
  ASSERT_THAT(batch.samples, SizeIs(2));
  EXPECT_EQ(batch.samples[1].row, 15);
  EXPECT_EQ(batch.samples[1].slice, 1);
  EXPECT_EQ(batch.samples[1].index, 1);
  EXPECT_THAT(batch.samples[1].context, SizeIs(6));
  EXPECT_THAT(batch.samples[1].output, ElementsAre(99));
  EXPECT_EQ(builder_.slices()[1].prompt_rows, 5);
}

TEST_F(StepBuilderTest, ThePromptsLastRowIsSampledForEveryChoiceWithoutTokens) {
  const auto turn = Begin(1, 10, 3);
  turn->Accept(1, 99);
  ASSERT_TRUE(builder_.Add(*turn, 0, 10, *cache_, kNow).ok());
  ASSERT_THAT(builder_.samples(), SizeIs(2));
  EXPECT_EQ(builder_.samples()[0].choice, 0);
  EXPECT_EQ(builder_.samples()[1].choice, 2);
  EXPECT_EQ(builder_.batch().samples[0].row, 9);
  EXPECT_EQ(builder_.batch().samples[1].row, 9);
}

TEST_F(StepBuilderTest, ScoresEveryPromptPositionOnce) {
  const auto turn = Begin(1, 10, 1, true);
  turn->scored = 4;
  ASSERT_TRUE(builder_.Add(*turn, 0, 8, *cache_, kNow).ok());
  const auto& samples = builder_.batch().samples;
  ASSERT_THAT(samples, SizeIs(5));  // positions 4 .. 8
  for (std::size_t i = 0; i < samples.size(); ++i) {
    EXPECT_EQ(samples[i].sampling, nullptr);
    EXPECT_EQ(samples[i].row, static_cast<std::int32_t>(i) + 3);
    EXPECT_EQ(samples[i].target, turn->prompt()[i + 4]);
    EXPECT_EQ(builder_.samples()[i].scores, static_cast<Position>(i) + 4);
  }
}

TEST_F(StepBuilderTest, EachDraftIsSampledAsIfTheOnesBeforeItWereOutput) {
  const auto turn = Begin(1, 5);
  turn->Accept(0, 99);
  cache_->Grow(turn->choice(0).kv, 5, kNow).IgnoreError();
  cache_->Append(turn->choice(0).kv, turn->prompt(), kNow);
  const std::vector<TokenId> drafts = {41, 42};
  ASSERT_TRUE(builder_.Add(*turn, 0, 1, *cache_, kNow, drafts).ok());
  EXPECT_THAT(builder_.batch().tokens, ElementsAre(99, 41, 42));
  EXPECT_EQ(builder_.batch().slices[0].rows, 3);
  EXPECT_EQ(builder_.slices()[0].drafts, 2);
  EXPECT_EQ(builder_.slices()[0].prompt_rows, 0);
  EXPECT_THAT(builder_.DraftsOf(0), ElementsAre(41, 42));
  const auto& samples = builder_.batch().samples;
  ASSERT_THAT(samples, SizeIs(3));
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto ahead = static_cast<std::int32_t>(i);
    EXPECT_EQ(samples[i].row, ahead);
    EXPECT_EQ(samples[i].index, 1 + ahead);
    EXPECT_THAT(samples[i].context, SizeIs(6 + i));
    EXPECT_THAT(samples[i].output, SizeIs(1 + i));
    EXPECT_EQ(samples[i].context.back(), builder_.batch().tokens[i]);
    EXPECT_EQ(builder_.samples()[i].ahead, ahead);
  }
}

TEST_F(StepBuilderTest, WithoutABlockTheBatchStaysAsItWas) {
  const auto turn = Begin(1, 200);
  const auto small = Begin(2, 10);
  ASSERT_TRUE(builder_.Add(*small, 0, 10, *cache_, kNow).ok());
  EXPECT_TRUE(HasReason(builder_.Add(*turn, 0, 200, *cache_, kNow), Reason::kPoolFull));
  EXPECT_THAT(builder_.batch().tokens, SizeIs(10));
  EXPECT_THAT(builder_.batch().slices, SizeIs(1));
  EXPECT_THAT(builder_.slices(), SizeIs(1));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_sequence.h"

#include <utility>

#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"

namespace pintle::kv {
namespace {

using KvSequenceTest = KvFixture;

TEST_F(KvSequenceTest, DestructionRollsBack) {
  {
    KvSequence sequence = Begin(Key("a"), Run(0, 6));
    WriteTo(sequence, Run(0, 6));
    EXPECT_EQ(Blocks(BlockState::kInUse), 2);
  }
  EXPECT_EQ(Blocks(BlockState::kFree), 8);
  EXPECT_EQ(cache_->HeldTokens(Key("a")), 0);
}

TEST_F(KvSequenceTest, MovingHandsOverTheRight) {
  KvSequence sequence = Begin(Key("a"), Run(0, 6));
  WriteTo(sequence, Run(0, 6));
  KvSequence moved = std::move(sequence);
  EXPECT_TRUE(moved.valid());
  EXPECT_EQ(moved.tokens(), 6);
  EXPECT_EQ(Blocks(BlockState::kInUse), 2);
}

TEST_F(KvSequenceTest, AssigningOverARunningSequenceRollsItBack) {
  KvSequence sequence = Begin(Key("a"), Run(0, 6));
  WriteTo(sequence, Run(0, 6));
  sequence = Begin(Key("b"), Run(50, 6));
  EXPECT_EQ(Blocks(BlockState::kFree), 8);
  EXPECT_TRUE(sequence.valid());
}

TEST_F(KvSequenceTest, NeverOutlivesItsCache) {
  KvSequence sequence = Begin(Key("a"), Run(0, 6));
  EXPECT_DEATH(cache_.reset(), "never outlives");
}

}  // namespace
}  // namespace pintle::kv

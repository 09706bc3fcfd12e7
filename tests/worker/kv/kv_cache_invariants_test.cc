// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"
#include "tests/worker/kv/kv_simulation.h"

namespace pintle::kv {
namespace {

using KvCacheInvariantsTest = KvFixture;

TEST_F(KvCacheInvariantsTest, HoldInEveryStageOfATurn) {
  Turn(Key("a"), Run(0, 7));
  KvSequence sequence = Begin(Key("a"), {0, 1, 2, 9, 9, 9});
  Check();
  ASSERT_TRUE(cache_->Reserve(sequence, 3).ok());
  Check();
  ASSERT_TRUE(cache_->Grow(sequence, 6, Now()).ok());
  Check();
  ASSERT_TRUE(cache_->TakeCopy(sequence).has_value());
  Check();
  cache_->Append(sequence, {9, 9, 9}, Now());
  Check();
  cache_->CommitTurn(std::move(sequence), 5, Now());
  Check();
}

TEST_F(KvCacheInvariantsTest, HoldAfterEveryOperationOfARandomEngine) {
  KvSimulation::Options options;
  options.blocks = 10;
  options.block_tokens = 4;
  KvSimulation simulation(options);
  const absl::Status status = simulation.Run(4000);
  EXPECT_TRUE(status.ok()) << status;
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/lru_policy.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "worker/kv/block_pool.h"

namespace pintle::kv {
namespace {

std::vector<BlockIndex> Order(const LruPolicy& policy, std::int32_t n) {
  std::vector<Victim> victims;
  policy.Propose(n, absl::Seconds(100), OfferAll, &victims);
  std::vector<BlockIndex> blocks;
  for (const Victim& victim : victims) blocks.push_back(victim.block);
  return blocks;
}

TEST(LruPolicyTest, TheBlockLongestOutOfUseGoesFirst) {
  const BlockPool pool(4, 16);
  LruPolicy policy(4, pool);
  for (const BlockIndex block : {2, 0, 3}) policy.Evictable(block, absl::Seconds(block));
  EXPECT_THAT(Order(policy, 10), testing::ElementsAre(2, 0, 3));
  EXPECT_THAT(Order(policy, 2), testing::ElementsAre(2, 0));
  policy.Protected(2);
  policy.Evictable(2, absl::Seconds(9));
  EXPECT_THAT(Order(policy, 10), testing::ElementsAre(0, 3, 2));
}

TEST(LruPolicyTest, ErasedAndProtectedBlocksAreNotProposed) {
  const BlockPool pool(4, 16);
  LruPolicy policy(4, pool);
  for (const BlockIndex block : {0, 1, 2, 3}) policy.Evictable(block, absl::Seconds(1));
  policy.Erase(3);
  policy.Protected(0);
  policy.Erase(0);
  EXPECT_THAT(Order(policy, 10), testing::ElementsAre(1, 2));
  EXPECT_FALSE(policy.IsEvictable(3));
  EXPECT_TRUE(policy.IsEvictable(1));
  EXPECT_TRUE(policy.CheckInvariants().ok());
}

}  // namespace
}  // namespace pintle::kv

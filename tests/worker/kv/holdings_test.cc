// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/holdings.h"

#include <memory>

#include "gtest/gtest.h"
#include "worker/kv/lru_policy.h"

namespace pintle::kv {
namespace {

class HoldingsTest : public testing::Test {
 protected:
  HoldingsTest() { holdings_.policy = std::make_unique<LruPolicy>(4, holdings_); }

  // A full block after `parent`, referenced once.
  BlockIndex Full(BlockIndex parent) {
    const BlockIndex block = holdings_.Take(parent, space_, absl::ZeroDuration());
    holdings_.Write(block, 4, absl::ZeroDuration());
    holdings_.index.Insert(block, Hash128{static_cast<std::uint64_t>(block), 0});
    return block;
  }
  void Deref(BlockIndex block) {
    holdings_.Deref(block, KvReason::kRolledBack, absl::ZeroDuration());
  }

  BlockHash hash_{{1, 2}};
  Holdings holdings_{Holdings::Options{4, 4, 10, 4, ""}, hash_};
  std::int32_t space_ = holdings_.spaces.Use(TenantId("t"));
};

TEST_F(HoldingsTest, ABlockNobodyNeedsIsFreedAndItsParentsAfterIt) {
  const BlockIndex a = Full(kNoBlock);
  const BlockIndex b = Full(a);
  Deref(a);
  EXPECT_EQ(holdings_.pool.Count(BlockState::kEvictable), 1);  // b continues it
  Deref(b);
  EXPECT_EQ(holdings_.pool.free_blocks(), 4);
  EXPECT_EQ(holdings_.stats.physical.removed[At(KvReason::kRolledBack)], 8);
  EXPECT_EQ(holdings_.index.size(), 0);
}

TEST_F(HoldingsTest, ASourceOfACopyIsNotFreed) {
  const BlockIndex a = Full(kNoBlock);
  holdings_.RefSource(a);
  Deref(a);
  EXPECT_EQ(holdings_.pool.Count(BlockState::kInUse), 1);
  holdings_.DerefSource(a, KvReason::kRolledBack, absl::ZeroDuration());
  EXPECT_EQ(holdings_.pool.free_blocks(), 4);
}

TEST_F(HoldingsTest, CacheContentShrinksFromItsTail) {
  const BlockIndex a = Full(kNoBlock);
  const BlockIndex b = Full(a);
  holdings_.pool[b].cached = true;
  Deref(b);
  Deref(a);
  EvictionPlan plan;
  holdings_.PlanInto(3, -1, absl::Seconds(1), &plan);
  ASSERT_TRUE(plan.ok());
  holdings_.Commit(plan, KvReason::kCapacity, SessionKey{}, absl::Seconds(1));
  EXPECT_EQ(holdings_.pool[b].state, BlockState::kFree);
  EXPECT_EQ(holdings_.pool[a].state, BlockState::kEvictable);
  EXPECT_TRUE(holdings_.pool[a].cached);
}

TEST_F(HoldingsTest, LedgersOfTotalAndSessionMoveTogether) {
  std::int32_t forgotten = -1;
  const std::int32_t session =
      holdings_.sessions.Create(SessionKey{TenantId("t"), SessionId("a")}, space_, &forgotten);
  holdings_.Attach(session, 5);
  holdings_.Attach(-1, 7);
  holdings_.Detach(session, 2, KvReason::kTruncated);
  EXPECT_EQ(holdings_.sessions[session].ledger.present, 3);
  EXPECT_EQ(holdings_.stats.sessions.present, 3);
  EXPECT_EQ(holdings_.stats.sessions.added, 5);
}

}  // namespace
}  // namespace pintle::kv

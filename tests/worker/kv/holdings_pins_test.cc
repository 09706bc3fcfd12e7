// SPDX-License-Identifier: Apache-2.0
// Marks on chains, and whose blocks a plan may take.
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "worker/kv/class_policy.h"
#include "worker/kv/holdings.h"

namespace pintle::kv {
namespace {

Holdings::Options Small() {
  Holdings::Options options{6, 4, 10, 4, ""};
  options.budgets.tenants = {{TenantId("q"), 16, 0}, {TenantId("f"), 0, 8}};
  return options;
}

class HoldingsPinsTest : public testing::Test {
 protected:
  HoldingsPinsTest() { holdings_.policy = *ClassPolicy::Create("lru", holdings_.pool, holdings_); }

  // A session of `blocks` full blocks in the namespace that nothing uses.
  std::int32_t Rest(const char* name, std::int32_t space, std::int32_t blocks) {
    std::int32_t forgotten = -1;
    holdings_.spaces.UseAgain(space);
    const std::int32_t session = holdings_.sessions.Create(
        SessionKey{holdings_.spaces.Tenant(space), SessionId(name)}, space, &forgotten);
    std::vector<BlockIndex> chain;
    for (std::int32_t i = 0; i < blocks; ++i) {
      const BlockIndex parent = chain.empty() ? kNoBlock : chain.back();
      chain.push_back(holdings_.Take(parent, space, now_));
      holdings_.Write(chain.back(), 4, now_);
      holdings_.index.Insert(chain.back(), Hash128{next_hash_++, 0});
    }
    holdings_.Attach(session, 4 * blocks);
    holdings_.sessions.Hold(session, chain.back(), 4 * blocks);
    now_ += absl::Seconds(1);
    for (; !chain.empty(); chain.pop_back()) {
      holdings_.Deref(chain.back(), KvReason::kOverwritten, now_);
    }
    return session;
  }
  void Mark(std::int32_t session, PinKind kind, Position to) {
    SessionPins& pins = holdings_.sessions[session].pins;
    pins.kind = kind;
    pins.granted_blocks = (to + 3) / 4;
    pins.marks.push_back({.kind = kind, .from = 0, .to = to});
    holdings_.PlaceMarks(session, now_);
  }

  BlockHash hash_{{1, 2}};
  Holdings holdings_{Small(), hash_};
  absl::Duration now_ = absl::Seconds(1);
  std::uint64_t next_hash_ = 1;
  EvictionPlan plan_;
};

TEST_F(HoldingsPinsTest, AGuaranteePinsTheChainUpToItsBudgetAndClearingItUnpinsAll) {
  const std::int32_t session = Rest("a", holdings_.spaces.Use(TenantId("t")), 4);
  Mark(session, PinKind::kGuaranteed, 10);
  EXPECT_EQ(holdings_.pool.Count(BlockState::kPinned), 3);
  EXPECT_EQ(holdings_.pool.Count(BlockState::kEvictable), 1);
  holdings_.PlanInto(6, -1, now_, &plan_);
  EXPECT_EQ(plan_.shortfall, 3);
  EXPECT_EQ(plan_.blocks_pinned, 3);
  holdings_.ClearMarks(session, now_);
  EXPECT_EQ(holdings_.pool.Count(BlockState::kEvictable), 4);
  holdings_.PlanInto(6, -1, now_, &plan_);
  EXPECT_TRUE(plan_.ok());
}

TEST_F(HoldingsPinsTest, RetainedBlocksGoAfterAllOthersHoweverOld) {
  const std::int32_t space = holdings_.spaces.Use(TenantId("t"));
  const std::int32_t old = Rest("old", space, 2);
  const BlockIndex tail = holdings_.sessions[old].tail;
  Mark(old, PinKind::kRetained, 8);
  Rest("young", space, 3);
  holdings_.PlanInto(6, -1, now_, &plan_);
  ASSERT_TRUE(plan_.ok());
  ASSERT_EQ(plan_.victims.size(), 5U);
  EXPECT_EQ(plan_.victims[3].block, tail);
  for (std::size_t i = 0; i < plan_.victims.size(); ++i) {
    EXPECT_EQ(holdings_.pool[plan_.victims[i].block].kept, i >= 3) << i;
  }
}

TEST_F(HoldingsPinsTest, AQuotaIsMetFromAllNamespacesOfItsTenantAndNoOther) {
  Rest("other", holdings_.spaces.Use(TenantId("t")), 2);
  const std::int32_t space = holdings_.spaces.Use(TenantId("q"));
  Rest("shared", space, 1);
  Rest("private", holdings_.spaces.UsePrivate(TenantId("q"), 7), 2);
  EXPECT_EQ(holdings_.budgets.account(0).resident, 3);
  holdings_.PlanQuota(3, space, now_, &plan_);
  EXPECT_TRUE(plan_.ok());
  for (const Victim& victim : plan_.victims) {
    EXPECT_EQ(holdings_.spaces.Tenant(holdings_.pool[victim.block].space), TenantId("q"));
  }
  holdings_.PlanQuota(4, space, now_, &plan_);
  EXPECT_EQ(plan_.shortfall, 1) << "neither another's nor a free one";
}

TEST_F(HoldingsPinsTest, AFloorKeepsItsBlocksFromOthersButNotFromItsTenant) {
  const std::int32_t space = holdings_.spaces.Use(TenantId("f"));
  Rest("a", space, 3);
  holdings_.PlanInto(6, -1, now_, &plan_);
  EXPECT_EQ(plan_.victims.size(), 1U);
  EXPECT_EQ(plan_.shortfall, 2);
  EXPECT_EQ(plan_.blocks_floored, 2);
  holdings_.PlanInto(6, space, now_, &plan_);
  EXPECT_TRUE(plan_.ok());
}

}  // namespace
}  // namespace pintle::kv

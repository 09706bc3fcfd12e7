// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/class_policy.h"

#include <string>
#include <utility>
#include <vector>

#include "contract/errors.h"
#include "gtest/gtest.h"
#include "tests/worker/kv/kv_fixture.h"
#include "worker/kv/policy_registry.h"

namespace pintle::kv {
namespace {

class ClassPolicyTest : public KvFixture, public testing::WithParamInterface<std::string> {
 protected:
  ClassPolicyTest() { EXPECT_TRUE(cache_->SetPolicy(GetParam(), Now()).ok()); }

  EvictionPlan PlanBeyondFree(std::int32_t blocks) {
    return cache_->Plan(static_cast<std::int32_t>(Blocks(BlockState::kFree)) + blocks, Now());
  }
  void Retain(const SessionKey& key, absl::Duration ttl = absl::Hours(1)) {
    Pin pin;
    pin.kind = PinKind::kRetained;
    pin.ttl = ttl;
    const PinAnswer answer = cache_->SetPin(key, pin, absl::Hours(2), Now());
    EXPECT_EQ(answer.verdict, PinVerdict::kAccepted) << answer.why;
  }
};

TEST_P(ClassPolicyTest, RetainedBlocksGoOnlyWhenNoBestEffortBlockIsLeft) {
  Turn(Key("kept"), Run(0, 12));
  Retain(Key("kept"));
  for (int i = 0; i < 5; ++i) Turn(Key("other"), Run(50 + i, 12));
  const EvictionPlan some = PlanBeyondFree(3);
  EXPECT_EQ(some.victims.size(), 3U);
  EXPECT_EQ(some.first_retained, 3U) << "all three are the other session's";
  const EvictionPlan more = PlanBeyondFree(5);
  EXPECT_EQ(more.victims.size(), 5U);
  EXPECT_EQ(more.first_retained, 3U);
  cache_->Commit(more, KvReason::kCapacity, Key("x"), Now());
  EXPECT_EQ(cache_->HeldTokens(Key("other")), 0);
  EXPECT_EQ(cache_->HeldTokens(Key("kept")), 4);
}

TEST_P(ClassPolicyTest, ABlockIsAsStrongAsTheStrongestOfItsSubtree) {
  Turn(Key("kept"), Run(0, 9));
  Turn(Key("other"), Run(0, 6));  // shares the first block
  Retain(Key("kept"));
  const EvictionPlan plan = cache_->Plan(8, Now());
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan.first_retained, 1U) << "only the other session's own tail is best_effort";
  EXPECT_EQ(cache_->ReleasePin(Key("kept"), Now()).verdict, PinVerdict::kAccepted);
  EXPECT_EQ(cache_->Plan(8, Now()).first_retained, 4U);
}

TEST_P(ClassPolicyTest, AChainThatGrowsDownwardsInItsClassStillGoesLeafFirst) {
  Turn(Key("kept"), Run(0, 8));
  Turn(Key("longer"), Run(0, 16));
  Retain(Key("kept"));
  Retain(Key("longer"));
  Check();
  const EvictionPlan plan = cache_->Plan(8, Now());
  ASSERT_TRUE(plan.ok());
  cache_->Commit(plan, KvReason::kCapacity, Key("x"), Now());
  EXPECT_EQ(Blocks(BlockState::kFree), 8);
}

TEST_P(ClassPolicyTest, AnEndedTtlGivesTheBlocksBackToTheFirstClass) {
  Turn(Key("kept"), Run(0, 12));
  Retain(Key("kept"), absl::Minutes(5));
  now_ += absl::Minutes(6);
  cache_->Expire(now_);
  Check();
  EXPECT_EQ(cache_->Plan(8, Now()).first_retained, 3U);
  EXPECT_EQ(cache_->Stats().ttl_expirations, 1);
}

TEST_P(ClassPolicyTest, ALiveChangeOfPolicyKeepsTheClasses) {
  Turn(Key("kept"), Run(0, 12));
  Retain(Key("kept"));
  Turn(Key("other"), Run(50, 8));
  for (const absl::string_view name : PolicyNames()) {
    ASSERT_TRUE(cache_->SetPolicy(name, Now()).ok());
    Check();
    EXPECT_EQ(cache_->Plan(8, Now()).first_retained, 2U) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(AllPolicies, ClassPolicyTest,
                         testing::ValuesIn(std::vector<std::string>(PolicyNames().begin(),
                                                                    PolicyNames().end())),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace pintle::kv

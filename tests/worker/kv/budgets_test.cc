// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/budgets.h"

#include "contract/errors.h"
#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

Budgets::Options Pool() {
  Budgets::Options options;
  options.blocks = 100;
  options.block_tokens = 16;
  options.pin_tokens = 50 * 16;
  options.pin_blocks = 60;
  options.tenants = {{TenantId("quota"), 30 * 16, 0}, {TenantId("floor"), 0, 20 * 16}};
  return options;
}

TEST(BudgetsTest, WhatGuaranteesAndFloorsHoldIsNoRoomForOthers) {
  Budgets budgets(Pool());
  const std::int32_t floor = budgets.Find(TenantId("floor"));
  EXPECT_EQ(budgets.Find(TenantId("other")), -1);
  EXPECT_EQ(budgets.Room(-1), 80);
  EXPECT_EQ(budgets.Room(floor), 100) << "its own floor is there for it";
  budgets.Guarantee(-1, 160, 10);
  EXPECT_EQ(budgets.Room(-1), 70);
  budgets.Use(floor, 15);
  EXPECT_EQ(budgets.Room(-1), 70) << "the floor is used, not lacking";
  budgets.Promise(floor, 10);
  EXPECT_EQ(budgets.Room(-1), 65);
  EXPECT_TRUE(budgets.CheckInvariants().ok());
}

TEST(BudgetsTest, AQuotaBoundsItsTenantAlone) {
  Budgets budgets(Pool());
  const std::int32_t quota = budgets.Find(TenantId("quota"));
  budgets.Use(quota, 12);
  budgets.Promise(quota, 8);
  budgets.Reside(quota, 25);
  EXPECT_EQ(budgets.Room(quota), 10);
  EXPECT_TRUE(budgets.CheckQuotaRoom(quota, 10).ok());
  EXPECT_TRUE(budgets.CheckQuotaRoom(-1, 1000).ok());
  const absl::Status room = budgets.CheckQuotaRoom(quota, 11);
  EXPECT_TRUE(HasReason(room, Reason::kTenantQuota));
  EXPECT_TRUE(DetailOf(room)->retry_after.has_value());
  EXPECT_EQ(budgets.OverQuota(quota, 5), 0);
  EXPECT_EQ(budgets.OverQuota(quota, 7), 2);
  EXPECT_EQ(budgets.OverQuota(-1, 1000), 0);
  EXPECT_TRUE(budgets.CheckQuota(quota, 30).ok());
  EXPECT_TRUE(HasReason(budgets.CheckQuota(quota, 31), Reason::kTenantQuota));
  budgets.Guarantee(quota, 10 * 16, 10);
  EXPECT_TRUE(HasReason(budgets.CheckQuota(quota, 21), Reason::kTenantQuota));
}

TEST(BudgetsTest, GuaranteesBeyondABudgetAreRefusedByItsName) {
  Budgets budgets(Pool());
  EXPECT_TRUE(budgets.Admit(-1, 50 * 16, 50).ok());
  const absl::Status tokens = budgets.Admit(-1, 50 * 16 + 1, 51);
  EXPECT_TRUE(HasReason(tokens, Reason::kPinBudget));
  const auto detail = DetailOf(tokens);
  ASSERT_TRUE(detail.has_value());
  EXPECT_TRUE(detail->retry_after.has_value());
  ASSERT_EQ(detail->quotas.size(), 1U);
  EXPECT_EQ(detail->quotas[0].field, "pin_budget_tokens");
  EXPECT_TRUE(HasReason(budgets.Admit(-1, 10, 61), Reason::kPinBudget));
  const std::int32_t quota = budgets.Find(TenantId("quota"));
  EXPECT_TRUE(HasReason(budgets.Admit(quota, 31 * 16, 31), Reason::kTenantQuota));
  EXPECT_TRUE(budgets.Admit(-1, -16, -1).ok()) << "less is never refused";
}

TEST(BudgetsTest, WhatOthersWereGuaranteedCountsAgainstTheBudget) {
  Budgets budgets(Pool());
  budgets.Guarantee(-1, 40 * 16, 40);
  EXPECT_TRUE(budgets.Admit(-1, 10 * 16, 10).ok());
  const auto detail = DetailOf(budgets.Admit(-1, 10 * 16 + 1, 11));
  ASSERT_TRUE(detail.has_value());
  ASSERT_EQ(detail->quotas.size(), 1U);
  EXPECT_EQ(detail->quotas[0].field, "pin_budget_tokens");
}

TEST(BudgetsTest, APoolIsCrowdedWhileRunningTurnsStandOnWhatWasSetAside) {
  Budgets budgets(Pool());
  budgets.Use(-1, 60);
  budgets.Guarantee(-1, 20 * 16, 20);
  EXPECT_FALSE(budgets.Crowded(-1));
  budgets.Guarantee(-1, 16, 1);
  EXPECT_TRUE(budgets.Crowded(-1)) << "with the floor of 20 that is 101 blocks";
  EXPECT_EQ(budgets.Room(-1), -1);
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/memory_plan.h"

#include "gtest/gtest.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {
namespace {

// SmolLM2-135M in bf16: 2 x 30 layers x 3 KV heads x 64 x 2 bytes a token, blocks of 32 tokens.
MemoryNeeds Smol() {
  MemoryNeeds needs;
  needs.block_tokens = 32;
  needs.bytes_per_token = 23040;
  needs.block_bytes = 737280;
  needs.context_tokens = 8192;
  needs.kv_bytes = std::int64_t{1} << 30;
  return needs;
}

TEST(MemoryPlanTest, AGibibyteOfBlocksIsWhatDivisionSays) {
  const MemoryPlan plan = PlanMemory(Smol());
  EXPECT_TRUE(plan.starts);
  EXPECT_EQ(plan.device.blocks, 1456);
  EXPECT_EQ(plan.device.tokens, 46592);
  EXPECT_EQ(plan.device.bytes, 1073479680);
  EXPECT_EQ(plan.context_tokens, 8192);
  EXPECT_EQ(plan.sequence_blocks_max, 258);
  EXPECT_EQ(plan.session_blocks, 256);
  EXPECT_EQ(plan.device.sessions, 5);
  EXPECT_EQ(plan.pin_budget_tokens, 23296) << "half the pool";
  EXPECT_EQ(plan.pin_budget_sessions, 2);
  EXPECT_EQ(plan.disk.blocks, 0);
}

TEST(MemoryPlanTest, SessionsThatFitAndSessionsThatNeedMore) {
  MemoryNeeds needs = Smol();
  needs.sessions = 11;
  needs.session_tokens = 4096;
  MemoryPlan plan = PlanMemory(needs);
  EXPECT_EQ(plan.session_blocks, 128);
  EXPECT_EQ(plan.device.sessions, 11);
  EXPECT_TRUE(plan.fits_device);
  needs.sessions = 200;
  plan = PlanMemory(needs);
  EXPECT_FALSE(plan.fits_device);
  EXPECT_FALSE(plan.fits_tiers);
  EXPECT_EQ(plan.kv_bytes_needed, std::int64_t{25602} * 737280);
  needs.kv_bytes = plan.kv_bytes_needed;
  EXPECT_TRUE(PlanMemory(needs).fits_device);
  --needs.kv_bytes;
  EXPECT_FALSE(PlanMemory(needs).fits_device);
}

TEST(MemoryPlanTest, ADiskTierHoldsWhatTheDeviceDoesNot) {
  MemoryNeeds needs = Smol();
  needs.sessions = 200;
  needs.session_tokens = 4096;
  needs.disk_bytes = std::int64_t{20} << 30;
  const MemoryPlan plan = PlanMemory(needs);
  EXPECT_EQ(plan.disk.blocks, 29127);
  EXPECT_EQ(plan.disk.sessions, 227);
  EXPECT_FALSE(plan.fits_device);
  EXPECT_TRUE(plan.fits_tiers);
}

TEST(MemoryPlanTest, ASmallPoolLimitsTheTurnAndPinsNothing) {
  MemoryNeeds needs = Smol();
  needs.kv_bytes = 10 * needs.block_bytes;
  const MemoryPlan plan = PlanMemory(needs);
  EXPECT_TRUE(plan.starts);
  EXPECT_EQ(plan.context_tokens, 256) << "two of the ten blocks are for what a turn adds";
  EXPECT_EQ(plan.sequence_blocks_max, 10);
  EXPECT_EQ(plan.pin_budget_tokens, 0) << "one maximal request needs it all";
  needs.kv_bytes = 8 * needs.block_bytes - 1;
  EXPECT_FALSE(PlanMemory(needs).starts);
}

TEST(MemoryPlanTest, ACacheOfThePlannedSizeGuaranteesWhatThePlanSays) {
  for (const std::int64_t blocks : {8, 10, 100, 300, 400, 519, 520, 521, 1456}) {
    MemoryNeeds needs = Smol();
    needs.kv_bytes = blocks * needs.block_bytes;
    const MemoryPlan plan = PlanMemory(needs);
    KvOptions options;
    options.blocks = static_cast<std::int32_t>(plan.device.blocks);
    options.block_tokens = needs.block_tokens;
    options.sequence_blocks_max = plan.sequence_blocks_max;
    EXPECT_EQ(options.PinBudgetTokens(), plan.pin_budget_tokens) << blocks << " blocks";
  }
}

TEST(MemoryPlanTest, AnAskedForPinBudgetIsThatOrRefused) {
  MemoryNeeds needs = Smol();
  needs.pin_budget = *ParsePinBudget("10000");
  EXPECT_EQ(PlanMemory(needs).pin_budget_tokens, 10000);
  needs.pin_budget = *ParsePinBudget("25%");
  EXPECT_EQ(PlanMemory(needs).pin_budget_tokens, 364 * 32);
  EXPECT_TRUE(CheckPins(needs, PlanMemory(needs)).ok());
  // 1456 blocks less the 260 of one maximal request.
  needs.pin_budget = *ParsePinBudget("38272");
  EXPECT_TRUE(CheckPins(needs, PlanMemory(needs)).ok());
  needs.pin_budget = *ParsePinBudget("38273");
  EXPECT_EQ(CheckPins(needs, PlanMemory(needs)).message(),
            "--pin-budget comes to 38273 tokens and the tenants' floors to 0, limit 38272 of the "
            "pool's 46592: a turn of 8192 must always fit beside them");
  needs.pin_budget = *ParsePinBudget("0");
  EXPECT_EQ(PlanMemory(needs).pin_budget_tokens, 0);
}

TEST(MemoryPlanTest, FloorsOfTenantsComeBeforePins) {
  MemoryNeeds needs = Smol();
  needs.floor_blocks = 800;
  EXPECT_EQ(PlanMemory(needs).pin_budget_tokens, (1456 - 260 - 800) * 32);
  EXPECT_TRUE(CheckPins(needs, PlanMemory(needs)).ok());
  needs.floor_blocks = 1197;
  EXPECT_FALSE(CheckPins(needs, PlanMemory(needs)).ok()) << "even without pins";
}

TEST(MemoryPlanTest, TheCacheTakesEveryPinBudgetThatThePlanTakes) {
  for (const std::int64_t blocks : {8, 10, 300, 519, 1456}) {
    for (const char* text : {"0", "33", "3000", "10%", "50%", "82%", "100%"}) {
      MemoryNeeds needs = Smol();
      needs.kv_bytes = blocks * needs.block_bytes;
      needs.pin_budget = *ParsePinBudget(text);
      needs.floor_blocks = 20;
      const MemoryPlan plan = PlanMemory(needs);
      KvOptions options;
      options.blocks = static_cast<std::int32_t>(plan.device.blocks);
      options.block_tokens = needs.block_tokens;
      options.sequence_blocks_max = plan.sequence_blocks_max;
      options.pin_budget_tokens = plan.pin_budget_tokens;
      options.tenants = {{TenantId("a"), 0, 20 * 32}};
      EXPECT_EQ(options.Validate().ok(), CheckPins(needs, plan).ok()) << blocks << " " << text;
      if (CheckPins(needs, plan).ok()) {
        EXPECT_EQ(options.PinBudgetTokens(), plan.pin_budget_tokens);
      }
    }
  }
}

TEST(MemoryPlanTest, APinBudgetIsTokensOrAShareAndNothingElse) {
  EXPECT_FALSE(ParsePinBudget("")->tokens || ParsePinBudget("")->percent);
  EXPECT_EQ(ParsePinBudget("4096")->tokens, 4096);
  EXPECT_EQ(ParsePinBudget("12.5%")->percent, 12.5);
  for (const char* text : {"%", "-1", "-1%", "101%", "nan%", "1GiB", "0x10", "4 096", "10%%"}) {
    EXPECT_FALSE(ParsePinBudget(text).ok()) << text;
  }
}

TEST(MemoryPlanTest, ASessionIsNeverLongerThanTheModelsContext) {
  MemoryNeeds needs = Smol();
  needs.session_tokens = 100000;
  EXPECT_EQ(PlanMemory(needs).session_blocks, 256);
}

TEST(MemoryPlanTest, TheLineSaysWhatIsAllocated) {
  EXPECT_EQ(DescribePool(Smol(), PlanMemory(Smol())),
            "KV pool: 1456 blocks of 32 tokens = 46592 tokens, 1073479680 bytes (23040 per token); "
            "a turn holds up to 8192 tokens; guarantees up to 23296 tokens");
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/memory_plan.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "contract/check.h"

namespace pintle::kv {
namespace {

// A turn writes beyond its prompt: a copied tail and the first block of growth.
constexpr std::int64_t kBlocksBeyond = 2;

TierRoom RoomFor(std::int64_t bytes, std::int64_t session_blocks, const MemoryNeeds& needs) {
  TierRoom room;
  room.blocks = bytes / needs.block_bytes;
  room.tokens = room.blocks * needs.block_tokens;
  room.bytes = room.blocks * needs.block_bytes;
  room.sessions = room.blocks / session_blocks;
  return room;
}

// `left` are the blocks beside one maximal request and the floors.
void PlanPins(const MemoryNeeds& needs, std::int64_t left, MemoryPlan* plan) {
  const std::int64_t most = std::max<std::int64_t>(left, 0);
  plan->pin_budget_most = most * needs.block_tokens;
  if (needs.pin_budget.tokens) {
    plan->pin_budget_tokens = *needs.pin_budget.tokens;
  } else if (needs.pin_budget.percent) {
    const double blocks =
        static_cast<double>(plan->device.blocks) * *needs.pin_budget.percent / 100;
    plan->pin_budget_tokens = static_cast<std::int64_t>(blocks) * needs.block_tokens;
  } else {
    plan->pin_budget_tokens = std::min(plan->device.blocks / 2, most) * needs.block_tokens;
  }
  plan->pin_budget_sessions =
      plan->pin_budget_tokens / needs.block_tokens / plan->session_blocks;
  // A pool without pins and floors always fits, even where one request takes all of it.
  const bool floors = left >= 0 || needs.floor_blocks == 0;
  plan->pins_fit = floors && plan->pin_budget_tokens <= plan->pin_budget_most;
}

}  // namespace

absl::StatusOr<PinBudget> ParsePinBudget(absl::string_view text) {
  PinBudget budget;
  if (text.empty()) return budget;
  absl::string_view digits = text;
  double percent = 0;
  std::int64_t tokens = 0;
  if (absl::ConsumeSuffix(&digits, "%")) {
    if (absl::SimpleAtod(digits, &percent) && percent >= 0 && percent <= 100) {
      budget.percent = percent;
      return budget;
    }
  } else if (absl::SimpleAtoi(digits, &tokens) && tokens >= 0) {
    budget.tokens = tokens;
    return budget;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("is '", text, "', it takes tokens (4096) or a percentage of the pool (25%)"));
}

absl::Status CheckPins(const MemoryNeeds& needs, const MemoryPlan& plan) {
  if (plan.pins_fit) return absl::OkStatus();
  const std::int64_t floors = needs.floor_blocks * needs.block_tokens;
  return absl::InvalidArgumentError(absl::StrCat(
      "--pin-budget comes to ", plan.pin_budget_tokens, " tokens and the tenants' floors to ",
      floors, ", limit ", plan.pin_budget_most + floors, " of the pool's ", plan.device.tokens,
      ": a turn of ", plan.context_tokens, " must always fit beside them"));
}

MemoryPlan PlanMemory(const MemoryNeeds& needs) {
  PINTLE_CHECK(needs.block_tokens >= 1 && needs.block_bytes >= 1 && needs.context_tokens >= 1,
               "a model has blocks and a context");
  MemoryPlan plan;
  const Position asked = needs.session_tokens > 0 ? needs.session_tokens : needs.context_tokens;
  const Position session_tokens = std::min(asked, needs.context_tokens);
  plan.session_blocks = (session_tokens + needs.block_tokens - 1) / needs.block_tokens;
  plan.device = RoomFor(needs.kv_bytes, plan.session_blocks, needs);
  plan.disk = RoomFor(needs.disk_bytes, plan.session_blocks, needs);
  const std::int64_t blocks = plan.device.blocks;
  plan.starts = blocks >= kPoolBlocksMin && blocks <= kPoolBlocksMax;
  const std::int64_t turn_tokens =
      std::max<std::int64_t>(blocks - kBlocksBeyond, 0) * needs.block_tokens;
  plan.context_tokens =
      static_cast<Position>(std::min<std::int64_t>(needs.context_tokens, turn_tokens));
  // Block tables are preallocated: none is longer than the context, plus its unfilled last block.
  plan.sequence_blocks_max =
      static_cast<std::int32_t>(plan.context_tokens / needs.block_tokens + 2);
  const std::int64_t request =
      std::min<std::int64_t>(blocks, plan.sequence_blocks_max + kBlocksBeyond);
  PlanPins(needs, blocks - request - needs.floor_blocks, &plan);
  // One of the sessions runs its turn while all keep their KV.
  const std::int64_t needed =
      needs.sessions == 0 ? 0 : needs.sessions * plan.session_blocks + kBlocksBeyond;
  plan.fits_device = plan.starts && needed <= blocks;
  plan.fits_tiers = plan.starts && needed <= blocks + plan.disk.blocks &&
                    plan.session_blocks + kBlocksBeyond <= blocks;
  plan.kv_bytes_needed = std::max(needed, kPoolBlocksMin) * needs.block_bytes;
  return plan;
}

std::string DescribePool(const MemoryNeeds& needs, const MemoryPlan& plan) {
  return absl::StrCat("KV pool: ", plan.device.blocks, " blocks of ", needs.block_tokens,
                      " tokens = ", plan.device.tokens, " tokens, ", plan.device.bytes,
                      " bytes (", needs.bytes_per_token, " per token); a turn holds up to ",
                      plan.context_tokens, " tokens; guarantees up to ", plan.pin_budget_tokens,
                      " tokens");
}

}  // namespace pintle::kv

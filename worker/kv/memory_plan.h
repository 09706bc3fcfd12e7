// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_MEMORY_PLAN_H_
#define PINTLE_WORKER_KV_MEMORY_PLAN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "contract/ids.h"

namespace pintle::kv {

// How much of the pool guarantees may come to, as an operator says it: tokens, or a share of the
// pool. Neither: half of it, or less where one maximal request leaves less.
struct PinBudget {
  std::optional<std::int64_t> tokens;
  std::optional<double> percent;  // 0 to 100
};

// "4096" is tokens, "25%" a share; empty is neither. INVALID_ARGUMENT says what is taken.
absl::StatusOr<PinBudget> ParsePinBudget(absl::string_view text);

// What is known before anything is allocated.
struct MemoryNeeds {
  std::int32_t block_tokens = 0;
  std::int64_t block_bytes = 0;
  std::int64_t bytes_per_token = 0;
  Position context_tokens = 0;     // the model's
  std::int64_t kv_bytes = 0;       // for the pool
  std::int64_t disk_bytes = 0;     // for the disk tier; 0 = none
  std::int64_t sessions = 0;       // that shall keep their KV
  Position session_tokens = 0;     // of each; 0 = the context
  PinBudget pin_budget;
  std::int64_t floor_blocks = 0;   // what the tenants' floors take
};

// Room of one tier.
struct TierRoom {
  std::int64_t blocks = 0;
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;
  std::int64_t sessions = 0;  // of session_tokens each
};

struct MemoryPlan {
  // Whether the pool holds kPoolBlocksMin blocks and block indices suffice: else a worker refuses.
  bool starts = false;
  TierRoom device;
  TierRoom disk;
  // The longest turn: the model's context, or what the pool holds.
  Position context_tokens = 0;
  // Entries of the longest block table.
  std::int32_t sequence_blocks_max = 0;
  // Tokens that guarantees may come to, as asked for, and the most that may be asked for: what one
  // maximal request and the tenants' floors leave.
  std::int64_t pin_budget_tokens = 0;
  std::int64_t pin_budget_most = 0;
  bool pins_fit = false;  // pin_budget_tokens <= pin_budget_most, and the floors fit
  std::int64_t pin_budget_sessions = 0;
  // Of the sessions asked for: what each takes, whether all fit in device (or device and disk),
  // and the pool that holds them all, with room for one turn more.
  std::int64_t session_blocks = 0;
  bool fits_device = false;
  bool fits_tiers = false;
  std::int64_t kv_bytes_needed = 0;
};

// Less could not run one turn of a few hundred tokens.
inline constexpr std::int64_t kPoolBlocksMin = 8;
// Block indices are 32 bits, with room for arithmetic.
inline constexpr std::int64_t kPoolBlocksMax = std::int64_t{1} << 30;

// The one place where bytes become blocks, tokens and sessions: a worker allocates what `pintle
// plan` printed. Pure; any thread. Requires: block_tokens, block_bytes and context_tokens >= 1, the
// others >= 0.
MemoryPlan PlanMemory(const MemoryNeeds& needs);

// OK, or INVALID_ARGUMENT naming --pin-budget, what it comes to and what the pool leaves for it.
absl::Status CheckPins(const MemoryNeeds& needs, const MemoryPlan& plan);

// The plan's figures in one line, as a worker logs them and `pintle plan` shows them.
std::string DescribePool(const MemoryNeeds& needs, const MemoryPlan& plan);

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_MEMORY_PLAN_H_

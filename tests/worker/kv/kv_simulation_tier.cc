// SPDX-License-Identifier: Apache-2.0
// The simulated tier below the device: when it works, what turns read back from it, and its ledger.
#include "absl/strings/str_cat.h"
#include "contract/status_macros.h"
#include "tests/worker/kv/kv_simulation.h"

#define PINTLE_SIM_EXPECT(condition, ...)                                            \
  do {                                                                               \
    if (!(condition)) {                                                              \
      return absl::InternalError(absl::StrCat("not " #condition ": ", __VA_ARGS__)); \
    }                                                                                \
  } while (false)

namespace pintle::kv {

void KvSimulation::MakeTier() {
  SimulatedTier::Options tier;
  tier.seed = options_.seed + 100;
  tier.slots = 4 + Pick(3 * options_.blocks);
  tier.block_tokens = options_.block_tokens;
  tier.hash_key = {options_.seed, 7};
  tier.failures_percent = Pick(3) * 5;
  tier_ = std::make_unique<SimulatedTier>(tier, *cache_, device_);
}

absl::Status KvSimulation::WorkTier() {
  // Slow at times: nothing of what was asked for is done.
  tier_->Work(Chance(50) ? Pick(6) : 0, now_);
  return absl::OkStatus();
}

absl::Status KvSimulation::ReadBack(Turn& turn) {
  if (tier_ == nullptr) return absl::OkStatus();
  const Position before = turn.sequence.tokens();
  tier_->Promote(turn.sequence, turn.tokens, now_);
  read_back_ += turn.sequence.tokens() - before;
  return CheckContent(turn);
}

absl::Status KvSimulation::CheckTier() {
  if (tier_ == nullptr) return absl::OkStatus();
  PINTLE_RETURN_IF_ERROR(tier_->CheckInvariants());
  const tier::TierStats stats = tier_->Stats();
  PINTLE_SIM_EXPECT(told_lower_.added == stats.physical.added, told_lower_.added);
  PINTLE_SIM_EXPECT(told_lower_.moved_in == stats.physical.moved_in, told_lower_.moved_in);
  PINTLE_SIM_EXPECT(told_lower_.moved_out == stats.physical.moved_out, told_lower_.moved_out);
  PINTLE_SIM_EXPECT(told_lower_.removed == stats.physical.removed, "by reason, below");
  return absl::OkStatus();
}

absl::Status KvSimulation::QuiesceTier() {
  if (tier_ == nullptr) return absl::OkStatus();
  // All operations: each slot is named by a few at most.
  for (std::int32_t i = 0; i < 1000; ++i) tier_->Work(64, now_);
  const tier::TierStats stats = tier_->Stats();
  PINTLE_SIM_EXPECT(stats.blocks[At(BlockState::kInUse)] == 0, "in use below");
  return tier_->CheckInvariants();
}

}  // namespace pintle::kv

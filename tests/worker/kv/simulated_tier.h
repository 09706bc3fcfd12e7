// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_WORKER_KV_SIMULATED_TIER_H_
#define PINTLE_TESTS_WORKER_KV_SIMULATED_TIER_H_

#include <cstdint>
#include <optional>
#include <random>
#include <vector>

#include "absl/status/statusor.h"
#include "contract/clock.h"
#include "worker/kv/kv_cache.h"
#include "worker/kv/kv_demoter.h"
#include "worker/tier/lower_tier.h"

namespace pintle::kv {

// A tier below a simulated device, on a small and unreliable medium: what an engine's link to it
// does, step by step and at a time the simulation chooses. Content is the device's digests.
// Thread: confined to one. Borrows cache and device. Fails: as the medium does, at random.
class SimulatedTier final : public KvDemoter {
 public:
  struct Options {
    std::uint64_t seed = 1;
    std::int32_t slots = 32;
    std::int32_t block_tokens = 16;
    std::array<std::uint64_t, 2> hash_key{};
    std::int32_t failures_percent = 0;  // of operations, and of blocks written damaged
  };
  // `device` has block_tokens digests for each block. Sets itself as the cache's demoter.
  SimulatedTier(const Options& options, KvCache& cache, std::vector<std::uint64_t>& device);

  std::optional<KvTier> Demote(const DemotionOffer& offer, absl::Duration now) override;
  void Hold(const Hash128& hash) override { tier_.Hold(hash); }
  void Release(const Hash128& hash, std::int32_t blocks, KvReason reason) override {
    tier_.Release(hash, blocks, reason);
  }
  void Forget(const Hash128& hash, KvReason reason) override { tier_.Forget(hash, reason); }
  void Guard(const Hash128& hash) override { tier_.Guard(hash); }
  void Unguard(const Hash128& hash) override { tier_.Unguard(hash); }
  std::optional<Hash128> Above(const Hash128& hash, std::int32_t steps) const override {
    return tier_.Above(hash, steps);
  }

  // Carries out up to that many of the medium's operations and takes note of them.
  void Work(std::int32_t operations, absl::Duration now);
  // Reads back what continues the sequence along `tokens`, but the last one, as far as the medium
  // and the pool allow.
  void Promote(KvSequence& sequence, absl::Span<const TokenId> tokens, absl::Duration now);

  tier::TierStats Stats() const { return tier_.Stats(); }
  absl::Status CheckInvariants() const { return tier_.CheckInvariants(); }

 private:
  bool PromoteBlock(KvSequence& sequence, const tier::LowerTier::Step& step,
                    absl::Span<const TokenId> tokens, bool own, absl::Duration now);
  void Lose(const tier::LowerTier::Lost& lost, absl::Duration now);
  bool Fails();

  KvCache& cache_;
  std::vector<std::uint64_t>& device_;
  const std::int32_t block_tokens_;
  const std::int32_t failures_percent_;
  std::mt19937_64 random_;
  ManualClock clock_;
  tier::LowerTier tier_;
  std::vector<tier::StoreDone> read_;
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_WORKER_KV_SIMULATED_TIER_H_

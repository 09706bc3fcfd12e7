// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_HIT_FORECAST_H_
#define PINTLE_WORKER_KV_HIT_FORECAST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "worker/kv/block_hash.h"
#include "worker/kv/kv_observer.h"
#include "worker/kv/reuse_sampler.h"

namespace pintle::kv {

// What share of the full blocks looked up an LRU cache of half, the same, twice and four times
// today's capacity would have had, since the start: whether more memory is worth buying.
// Thread: confined to the engine thread; allocates only when made. Fails: does not.
// Costs per lookup: one hash of the prompt, as the lookup itself.
class HitForecast final : public KvObserver {
 public:
  // Of today's capacity.
  static constexpr std::array<double, 4> kCapacities = {0.5, 1, 2, 4};

  // `hash` is the cache's own and must outlive this; prompts have at most `chain_max` full blocks.
  HitForecast(const BlockHash& hash, std::int32_t block_tokens, std::int32_t blocks,
              std::int32_t chain_max, std::int32_t samples_max);

  void Began(const KvLookup& lookup, absl::Duration now) override;
  void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
  // An answer's blocks are in the cache before the next turn looks for them.
  void Released(BlockIndex, const Hash128* hash) override;
  void Removed(BlockIndex, std::int32_t, KvReason) override {}
  void Evicted(const EvictionRecord&) override {}
  void Demoted(const EvictionRecord&, KvTier) override {}

  // In the order of kCapacities.
  std::array<double, kCapacities.size()> HitRatios() const;

 private:
  const BlockHash& hash_;
  const std::int32_t block_tokens_;
  ReuseSampler sampler_;
  std::vector<Hash128> chain_;  // scratch room
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_HIT_FORECAST_H_

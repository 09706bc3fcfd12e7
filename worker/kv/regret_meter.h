// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_REGRET_METER_H_
#define PINTLE_WORKER_KV_REGRET_METER_H_

#include <cstdint>

#include "worker/kv/block_hash.h"
#include "worker/kv/ghost_list.h"
#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Counts regret: tokens a turn has to prefill though the cache once had them and evicted them,
// charged to that eviction's reason, each eviction once. Equals what a client sees: history tokens
// not reported cached, less each turn's last token, whose KV was never computed. Tokens that moved
// to a lower tier are no regret until they are evicted there.
// Undercounts what the ghost list has forgotten (overflow_tokens) and partly filled blocks that a
// changed history covers only in part.
// Thread: confined to the engine thread; allocates only when made. Fails: does not.
// Costs per lookup: one hash of the prompt, as the lookup itself.
class RegretMeter final : public KvObserver {
 public:
  // `hash` is the cache's own and must outlive this.
  RegretMeter(const BlockHash& hash, std::int32_t block_tokens, std::int32_t ghosts_max);

  void Began(const KvLookup& lookup, absl::Duration now) override;
  void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
  void Removed(BlockIndex, std::int32_t, KvReason) override {}
  void Evicted(const EvictionRecord& record) override;
  void Demoted(const EvictionRecord&, KvTier) override {}

  const ByReason& tokens() const { return tokens_; }
  std::int64_t overflow_tokens() const { return ghosts_.overflow_tokens(); }

 private:
  // Charges what the ghost covers of [from, to) when it holds the positions after `start`; answers
  // the end of what it covers.
  Position Charge(const Ghost& ghost, Position start, Position from, Position to);

  const BlockHash& hash_;
  const std::int32_t block_tokens_;
  GhostList ghosts_;
  ByReason tokens_{};
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_REGRET_METER_H_

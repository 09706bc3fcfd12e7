// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_DEMOTER_H_
#define PINTLE_WORKER_KV_KV_DEMOTER_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/eviction_record.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// A victim that could live on in a lower tier. Content-addressed: `hash` is the chain hash of the
// filled positions, also of a partly filled tail.
struct DemotionOffer {
  // What would be recorded if nobody took it; block, tenant, places.
  const EvictionRecord& record;
  Hash128 parent_hash;  // the namespace's root for a first block; like `hash` in all its bits
  Hash128 hash;
  absl::Span<const TokenId> tokens;  // of the filled positions
  // Some session's lease promises that it is not dropped: taken if there is room for it at all.
  bool guaranteed = false;
};

// Takes victims over before they are evicted, and is told which of them sessions still count on.
// It drops a block only after all that continue it, and tells KvCache::LowerLost of each it drops.
// Thread: called on the engine thread, between two steps; must not wait and must not call the
// cache back. The block's content is whole until the call returns.
class KvDemoter {
 public:
  virtual ~KvDemoter() = default;
  // The tier that has the content now, or nullopt: then the block is evicted.
  virtual std::optional<KvTier> Demote(const DemotionOffer& offer, absl::Duration now) = 0;
  // One more session's KV ends in this block of a lower tier.
  virtual void Hold(const Hash128& /*hash*/) {}
  // One session less ends in it. For a reason that is no eviction it and the blocks before it,
  // `blocks` in all, are to be forgotten as far as nobody needs them.
  virtual void Release(const Hash128& /*hash*/, std::int32_t /*blocks*/, KvReason /*reason*/) {}
  // The session that held this block on the device is gone for `reason`: a copy that nobody else
  // needs is to be forgotten. Called for a chain's last block first.
  virtual void Forget(const Hash128& /*hash*/, KvReason /*reason*/) {}
  // One promise more, or less, that this block and all before it are not dropped for others' need.
  virtual void Guard(const Hash128& /*hash*/) {}
  virtual void Unguard(const Hash128& /*hash*/) {}
  // The hash of the block `steps` before this one, if this and all between are in a lower tier.
  virtual std::optional<Hash128> Above(const Hash128&, std::int32_t) const { return {}; }
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_DEMOTER_H_

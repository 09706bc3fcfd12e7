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
  const EvictionRecord& record;  // what would be recorded if nobody took it; block, tenant, places
  Hash128 parent_hash;           // the namespace's root for a first block
  Hash128 hash;
  absl::Span<const TokenId> tokens;  // of the filled positions
};

// Takes victims over before they are evicted.
// Thread: called on the engine thread, between two steps; must not wait and must not call the
// cache back. The block's content is whole until the call returns.
class KvDemoter {
 public:
  virtual ~KvDemoter() = default;
  // The tier that has the content now, or nullopt: then the block is evicted.
  virtual std::optional<KvTier> Demote(const DemotionOffer& offer, absl::Duration now) = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_DEMOTER_H_

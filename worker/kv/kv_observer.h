// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_OBSERVER_H_
#define PINTLE_WORKER_KV_KV_OBSERVER_H_

#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/eviction_record.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// A turn's look at the cache, as it began.
struct KvLookup {
  const SessionKey& key;
  const Hash128& root;  // of the tenant's namespace: the hash before the first block
  absl::Span<const TokenId> tokens;
  // Leading tokens found, in the session's own KV and through the prefix index.
  std::int32_t found = 0;
};

// Positions of one block of a tier below the device.
struct LowerBlock {
  KvTier tier = KvTier::kDisk;
  const TenantId& tenant;
  Position first_position = 0;
  std::int64_t tokens = 0;
};

// Told of everything that changes the physical ledger of any tier, and of every lookup, as it
// happens. The sums of what it is told equal KvStats::physical and the lower tiers' at any time.
// Thread: called on the engine thread, from inside the cache: must not call it back, must not
// wait, and allocates nothing per call once it runs.
class KvObserver {
 public:
  virtual ~KvObserver() = default;
  virtual void Began(const KvLookup& lookup, absl::Duration now) = 0;
  // What follows is done by or to this session (an empty one is a one-shot), until the next call.
  virtual void Acting(const SessionKey& /*key*/) {}
  // `count` more positions of the block are written and kept. A block that became full has its
  // hash only after this call.
  virtual void Stored(BlockIndex block, std::int32_t count, absl::Duration now) = 0;
  // Nothing uses the block any more, its content is kept. `hash` is the chain hash of a full block,
  // null for a partly filled one. Leaves come before their parents.
  virtual void Released(BlockIndex /*block*/, const Hash128* /*hash*/) {}
  // The block's last `count` positions left for `reason` without being evicted.
  virtual void Removed(BlockIndex block, std::int32_t count, KvReason reason) = 0;
  // The block was evicted; the record is complete, the block still as it was. record.tier says
  // which tier it left; below the device record.block is kNoBlock.
  virtual void Evicted(const EvictionRecord& record) = 0;
  // `count` more positions of the block are written and kept: read from a lower tier. They count
  // as moved in.
  virtual void Promoted(BlockIndex, std::int32_t /*count*/, KvTier /*from*/, absl::Duration) {}
  // The block was moved to a lower tier instead.
  virtual void Demoted(const EvictionRecord& record, KvTier to) = 0;
  // A lower tier holds content that was not demoted to it: found at its start, copied, or left
  // behind when it was promoted.
  virtual void StoredLower(const LowerBlock&, absl::Duration) {}
  // Content left a lower tier without being evicted or promoted.
  virtual void RemovedLower(const LowerBlock&, KvReason, absl::Duration) {}
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_OBSERVER_H_

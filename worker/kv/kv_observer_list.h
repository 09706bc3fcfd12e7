// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_OBSERVER_LIST_H_
#define PINTLE_WORKER_KV_KV_OBSERVER_LIST_H_

#include <vector>

#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Tells several observers what one is told, in the order in which they were added.
// Thread: confined to the engine thread. Borrows the observers. Fails: does not.
class KvObserverList final : public KvObserver {
 public:
  // Requires: called before the cache is used.
  void Add(KvObserver* observer) { observers_.push_back(observer); }

  void Began(const KvLookup& lookup, absl::Duration now) override;
  void Acting(const SessionKey& key) override;
  void Stored(BlockIndex block, std::int32_t count, absl::Duration now) override;
  void Released(BlockIndex block, const Hash128* hash) override;
  void Removed(BlockIndex block, std::int32_t count, KvReason reason) override;
  void Evicted(const EvictionRecord& record) override;
  void Demoted(const EvictionRecord& record, KvTier to) override;
  void Promoted(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now) override;
  void StoredLower(const LowerBlock& block, absl::Duration now) override;
  void RemovedLower(const LowerBlock& block, KvReason reason, absl::Duration now) override;

 private:
  std::vector<KvObserver*> observers_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_OBSERVER_LIST_H_

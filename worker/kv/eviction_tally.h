// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_TALLY_H_
#define PINTLE_WORKER_KV_EVICTION_TALLY_H_

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Evictions under one policy for one reason from one tier.
struct EvictionCount {
  absl::string_view policy;  // static storage
  KvReason reason = KvReason::kCapacity;
  KvTier tier = KvTier::kDevice;
  std::int64_t evictions = 0;
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;

  friend bool operator==(const EvictionCount&, const EvictionCount&) = default;
};

// Counts evictions by policy, reason and tier, so that a change of policy starts new counters
// instead of renaming old ones. Rows are as many as there are such triples, a few dozen.
// Thread: confined to the engine thread; allocates for a triple's first eviction. Fails: does not.
class EvictionTally final : public KvObserver {
 public:
  void Began(const KvLookup&, absl::Duration) override {}
  void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
  void Removed(BlockIndex, std::int32_t, KvReason) override {}
  void Evicted(const EvictionRecord& record) override;
  void Demoted(const EvictionRecord&, KvTier) override {}

  const std::vector<EvictionCount>& rows() const { return rows_; }

 private:
  std::vector<EvictionCount> rows_;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_TALLY_H_

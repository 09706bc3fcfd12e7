// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_FAKES_EVICTION_RECORDER_H_
#define PINTLE_TESTS_FAKES_EVICTION_RECORDER_H_

#include <vector>

#include "worker/kv/kv_observer.h"

namespace pintle::kv {

// Keeps the record of every eviction, as an observer of a cache hears them.
// Thread: confined to one. Fails: does not.
class EvictionRecorder final : public KvObserver {
 public:
  void Began(const KvLookup&, absl::Duration) override {}
  void Stored(BlockIndex, std::int32_t, absl::Duration) override {}
  void Removed(BlockIndex, std::int32_t, KvReason) override {}
  void Evicted(const EvictionRecord& record) override;
  void Demoted(const EvictionRecord&, KvTier) override {}

  // All records since the last call, oldest first.
  std::vector<EvictionRecord> Take();

 private:
  std::vector<EvictionRecord> records_;
};

}  // namespace pintle::kv

#endif  // PINTLE_TESTS_FAKES_EVICTION_RECORDER_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_EVICTION_RECORD_H_
#define PINTLE_WORKER_KV_EVICTION_RECORD_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "contract/ids.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// Who lost what, when, by which policy, for which reason, on whose behalf. One per evicted block.
struct EvictionRecord {
  // Sessions named in one record; a block shared by more still counts them in `holders`.
  static constexpr std::size_t kSessionsNamed = 4;

  std::uint64_t number = 0;                  // 1, 2, 3 ...: a gap shows lost records
  absl::Duration at = absl::ZeroDuration();  // monotonic, as given to the cache
  TenantId tenant;
  // Sessions whose KV ended with this block; the first min(holders, kSessionsNamed) are set.
  std::array<SessionId, kSessionsNamed> sessions;
  std::int32_t holders = 0;  // 0: cache content of no session
  BlockIndex block = kNoBlock;
  Hash128 hash;         // chain hash of its filled positions
  Hash128 parent_hash;  // of the positions before: the namespace's root for a first block
  std::int32_t tokens = 0;
  std::int64_t bytes = 0;
  Position first_position = 0;
  KvTier tier = KvTier::kDevice;
  absl::string_view policy;  // static storage
  double score = 0;          // the policy's; lower goes first
  KvReason reason = KvReason::kCapacity;
  absl::Duration age = absl::ZeroDuration();
  absl::Duration idle = absl::ZeroDuration();
  std::int32_t reuse_count = 0;
  SessionKey on_behalf_of;  // an empty session is a one-shot
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_EVICTION_RECORD_H_

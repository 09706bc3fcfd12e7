// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/kv_stats.h"

#include <algorithm>

namespace pintle::kv {

absl::string_view KvReasonName(KvReason reason) {
  switch (reason) {
    case KvReason::kCapacity: return "CAPACITY";
    case KvReason::kQuota: return "QUOTA";
    case KvReason::kTtlExpired: return "TTL_EXPIRED";
    case KvReason::kLeaseExpired: return "LEASE_EXPIRED";
    case KvReason::kPreempted: return "PREEMPTED";
    case KvReason::kSessionDeleted: return "SESSION_DELETED";
    case KvReason::kTruncated: return "TRUNCATED";
    case KvReason::kRolledBack: return "ROLLED_BACK";
    case KvReason::kMigrated: return "MIGRATED";
    case KvReason::kDrained: return "DRAINED";
    case KvReason::kAdmin: return "ADMIN";
    case KvReason::kModelUnloaded: return "MODEL_UNLOADED";
    case KvReason::kDamaged: return "DAMAGED";
    case KvReason::kOverwritten: return "OVERWRITTEN";
  }
  return "UNKNOWN";
}

absl::string_view KvTierName(KvTier tier) {
  switch (tier) {
    case KvTier::kDevice: return "device";
    case KvTier::kHost: return "host";
    case KvTier::kDisk: return "disk";
  }
  return "unknown";
}

void KvHistogram::Observe(absl::Duration value) {
  const double seconds = absl::ToDoubleSeconds(value);
  const auto bound = std::lower_bound(kBoundsSeconds.begin(), kBoundsSeconds.end(), seconds);
  ++counts[static_cast<std::size_t>(bound - kBoundsSeconds.begin())];
  sum_seconds += seconds;
  ++count;
}

}  // namespace pintle::kv

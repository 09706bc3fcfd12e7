// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CACHE_REASON_H_
#define PINTLE_CONTRACT_CACHE_REASON_H_

#include <cstdint>

// Where KV lives, and why it left: the two closed lists of design section 6, in its order. The KV
// cache, the figures, the metrics and the messages all read them from here.
namespace pintle {

enum class CacheTier : std::uint8_t { kDevice, kHost, kDisk };

// Why tokens left a tier or a session.
enum class CacheReason : std::uint8_t {
  // Evictions: somebody else's need took them.
  kCapacity,
  kQuota,
  kTtlExpired,
  kLeaseExpired,
  kPreempted,
  // Removals: their owner, an operator or a fault ended them.
  kSessionDeleted,
  kTruncated,
  kRolledBack,
  kMigrated,
  kDrained,
  kAdmin,
  kModelUnloaded,
  kDamaged,
  kOverwritten,
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CACHE_REASON_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TIER_TIER_STATS_H_
#define PINTLE_WORKER_TIER_TIER_STATS_H_

#include <cstdint>

#include "worker/kv/kv_stats.h"

namespace pintle::tier {

// Figures of one tier below the device; a plain copy. Counters only rise.
struct TierStats {
  kv::KvTier tier = kv::KvTier::kDisk;
  std::int64_t capacity_bytes = 0;
  std::int64_t blocks_total = 0;
  kv::ByState blocks{};  // in use: being written or read; evictable: all others with content
  kv::ByState tokens{};
  // stored (found at start, copied at shutdown, kept when read back) + moved in - moved out -
  // removed = resident.
  kv::KvLedger physical;
  kv::ByReason evictions{};  // this was the block's last tier
  kv::ByReason evicted_tokens{};
  kv::ByReason evicted_bytes{};

  // Victims of the device that were not taken: reading them back would take longer than computing
  // them; no staging buffer or slot was free; content of no session while the tier is full.
  std::int64_t refused_dear = 0;
  std::int64_t refused_busy = 0;
  std::int64_t refused_unwanted = 0;

  std::int64_t blocks_written = 0;
  std::int64_t blocks_read = 0;
  std::int64_t write_failures = 0;  // blocks lost because writing them failed
  std::int64_t read_failures = 0;   // blocks that could not be read back
  std::int64_t damaged = 0;         // of those: the checksum or the label was not the block's
  std::int64_t late = 0;            // turns that computed the rest because reading took too long
  std::int64_t foreign_resets = 0;  // files of another model or layout, emptied at start
  std::int64_t blocks_found = 0;    // at start
  std::int64_t hit_tokens = 0;      // prompt tokens read back instead of computed
  double read_bytes_per_second = 0;  // 0 while unknown
  double write_bytes_per_second = 0;
};

}  // namespace pintle::tier

#endif  // PINTLE_WORKER_TIER_TIER_STATS_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_EVICTION_EXPLANATION_H_
#define PINTLE_CONTRACT_EVICTION_EXPLANATION_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "contract/cache_reason.h"
#include "contract/ids.h"
#include "contract/pin.h"

// What one worker's cache would evict to make room, without doing it. Plain data.
namespace pintle {

// A block that would go.
struct ExplainedVictim {
  BlockIndex block = kNoBlock;
  TenantId tenant;
  std::vector<SessionId> sessions;  // some of `holders`
  std::int32_t holders = 0;         // sessions whose KV ends with the block
  Position first_position = 0;
  std::int32_t tokens = 0;
  std::int64_t bytes = 0;
  CacheTier tier = CacheTier::kDevice;
  PinKind pin = PinKind::kBestEffort;  // what keeps it; a guaranteed block is never a victim
  double score = 0;  // the policy's; the lower goes first
  absl::Duration age = absl::ZeroDuration();
  absl::Duration idle = absl::ZeroDuration();
  std::int32_t reuse_count = 0;
  std::string why;  // for people
};

// A live guarantee that keeps blocks from being evicted.
struct EvictionBlocker {
  SessionKey key;
  std::int64_t blocks = 0;  // used by nobody; a shared one counts for each that keeps it
  std::int64_t budget_tokens = 0;
  absl::Duration lease_left = absl::InfiniteDuration();  // infinite while a turn runs
};

struct EvictionExplanation {
  WorkerId worker;
  std::string policy;
  std::int32_t block_tokens = 0;
  std::int64_t blocks_needed = 0;
  std::int64_t blocks_free = 0;
  std::int64_t blocks_reserved = 0;  // promised to running turns, out of free and evictable ones
  std::int64_t blocks_in_use = 0;
  std::int64_t blocks_pinned = 0;
  std::int64_t blocks_floored = 0;  // within the floors of tenants
  std::int64_t blocks_evicted = 0;
  std::int64_t tokens_evicted = 0;
  std::int64_t bytes_evicted = 0;
  std::int64_t blocks_short = 0;  // cannot be had now; then nothing would be evicted
  // In order; at most limits::kExplainedVictims.
  std::vector<ExplainedVictim> victims;
  // The guarantees that keep most, and how many sessions more keep something.
  std::vector<EvictionBlocker> blockers;
  std::int64_t blockers_unnamed = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_EVICTION_EXPLANATION_H_

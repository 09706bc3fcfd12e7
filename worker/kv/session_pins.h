// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_SESSION_PINS_H_
#define PINTLE_WORKER_KV_SESSION_PINS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "worker/kv/block_hash.h"
#include "worker/kv/kv_stats.h"

namespace pintle::kv {

// One promise on a session's chain: positions [from, to) are kept, and with them all before. It
// weighs on the block of its last held position; the blocks above count their subtrees' marks.
struct PinMark {
  PinKind kind = PinKind::kRetained;
  Position from = 0;
  Position to = 0;
  std::int32_t priority = 50;
  absl::Duration ttl = absl::ZeroDuration();
  absl::Duration until = absl::InfiniteDuration();  // infinite while a turn runs
  BlockIndex block = kNoBlock;                      // where it weighs now
  BlockIndex leaves = kNoBlock;                     // where it weighed, within PlaceMarks
};

// What a session was promised and what of it holds now. Owned by its Session, changed by PinKeeper.
struct SessionPins {
  Pin asked;
  absl::Duration lease = absl::InfiniteDuration();  // until somebody names one, it has no end
  // In force now; falls back to best_effort when lease or TTL end.
  PinKind kind = PinKind::kBestEffort;
  absl::Duration lease_until = absl::InfiniteDuration();
  bool expired = false;  // the lease ended and no turn has run since
  // CAPACITY, or why evictions since the last turn are LEASE_EXPIRED or TTL_EXPIRED.
  KvReason lapsed = KvReason::kCapacity;
  std::vector<PinMark> marks;

  // guaranteed: what is set aside, also for a while after the guarantee has ended.
  Position budget_tokens = 0;
  std::int32_t budget_blocks = 0;
  // Of budget_blocks, those in force: fewer while running turns of others stand on what was set
  // aside.
  std::int32_t granted_blocks = 0;
  // The block of lower tiers that is not to be dropped, nor any before it.
  std::optional<Hash128> guard;
  bool suspended = false;  // the running turn needs the blocks of the turn before it
  std::int32_t funded = 0;  // live sequences that draw from the budget
  std::int32_t forks = 0;   // choices the running turn may still fork on the budget
  // A change that must wait until no sequence draws from the budget.
  std::optional<Pin> next;

  std::int32_t heap_at = -1;  // place in the expiry heap
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_SESSION_PINS_H_

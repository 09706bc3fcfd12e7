// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_KV_KV_STATS_H_
#define PINTLE_WORKER_KV_KV_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "contract/cache_reason.h"
#include "contract/ids.h"
#include "contract/pin.h"
#include "contract/session_state.h"

namespace pintle::kv {

// The closed lists of design section 6, as the whole process knows them.
using KvReason = CacheReason;
using KvTier = CacheTier;
inline constexpr std::size_t kKvReasons = 14;
using ByReason = std::array<std::int64_t, kKvReasons>;

// SCREAMING_SNAKE name, as metrics labels and the API show it.
absl::string_view KvReasonName(KvReason reason);
// "device", "host" or "disk", as metrics labels show it.
absl::string_view KvTierName(KvTier tier);
// Whether the reason is an eviction (counted in kv_evictions_total) rather than a removal.
constexpr bool IsEviction(KvReason reason) { return reason <= KvReason::kPreempted; }

inline constexpr std::size_t kKvTiers = 3;

// What a block is doing. free + in use + evictable + pinned = total, always.
enum class BlockState : std::uint8_t { kFree, kInUse, kEvictable, kPinned };
inline constexpr std::size_t kBlockStates = 4;
using ByState = std::array<std::int64_t, kBlockStates>;
constexpr std::size_t At(BlockState state) { return static_cast<std::size_t>(state); }
constexpr std::size_t At(KvReason reason) { return static_cast<std::size_t>(reason); }

// What a session is doing, as the cache sees it.
using KvSessionState = SessionState;
inline constexpr std::size_t kPinKinds = 3;
inline constexpr std::size_t kSessionStates = 4;
// Sessions by PinKind in force, then by KvSessionState.
using SessionsByPin = std::array<std::array<std::int64_t, kSessionStates>, kPinKinds>;

// One ledger, in tokens: added + moved_in - moved_out - sum(removed) = present, always.
// Physical, per tier: stored, removed, resident. Per session: attached, detached, held (in any
// tier, so nothing moves there).
struct KvLedger {
  std::int64_t added = 0;
  std::int64_t moved_in = 0;
  std::int64_t moved_out = 0;
  ByReason removed{};
  std::int64_t present = 0;
};

// Counts of durations by upper bound, in the shape Prometheus wants (bucket i is not cumulative).
struct KvHistogram {
  // Powers of four from 10 ms: three orders on either side of a turn's usual minute.
  static constexpr std::array<double, 12> kBoundsSeconds = {
      0.01, 0.04, 0.16, 0.64, 2.56, 10.24, 40.96, 163.84, 655.36, 2621.44, 10485.76, 41943.04};
  std::array<std::int64_t, kBoundsSeconds.size() + 1> counts{};
  double sum_seconds = 0;
  std::int64_t count = 0;

  void Observe(absl::Duration value);
};

// Whole-cache figures; a plain copy, cheap enough to take after every step. Counters only rise.
struct KvStats {
  absl::string_view policy;  // static storage
  std::int32_t block_tokens = 0;
  std::int64_t bytes_per_token = 0;
  std::int64_t blocks_total = 0;
  ByState blocks{};                  // by BlockState
  ByState tokens{};                  // resident tokens by the state of their block
  std::int64_t blocks_reserved = 0;  // promised to admitted turns, out of free + evictable
  std::int64_t capacity_bytes = 0;

  std::int64_t prefix_query_tokens = 0;  // prompt tokens of every Begin
  std::int64_t hit_tokens_session = 0;   // answered from the session's own KV
  std::int64_t hit_tokens_prefix = 0;    // answered through the prefix index

  ByReason evictions{};  // blocks evicted, by reason; zero where the reason is no eviction
  ByReason evicted_tokens{};
  ByReason evicted_bytes{};
  KvLedger physical;  // of this tier
  KvLedger sessions;  // summed over all sessions and their running turns
  std::int64_t preemptions = 0;
  std::int64_t copies = 0;               // blocks copied on write
  std::int64_t deduplicated_blocks = 0;  // blocks computed twice and merged

  std::int64_t sessions_running = 0;
  std::int64_t sessions_idle = 0;
  std::int64_t sessions_cold = 0;
  SessionsByPin sessions_by_pin{};

  std::int64_t pin_budget_tokens = 0;      // what guarantees may come to
  std::int64_t guaranteed_tokens = 0;      // what they come to
  std::int64_t guaranteed_blocks = 0;      // set aside for them
  std::int64_t guaranteed_used_tokens = 0; // of what they come to, what their KV takes, in blocks
  std::int64_t lease_expirations = 0;      // leases that ended with no turn before
  std::int64_t ttl_expirations = 0;        // retained ranges that fell back to best_effort
  std::int64_t pin_rejections = 0;         // pins refused with PIN_BUDGET or TENANT_QUOTA
  std::int64_t session_budget_errors = 0;  // turns refused with SESSION_BUDGET

  KvHistogram block_lifetime;
  KvHistogram idle_before_eviction;

  std::int64_t Blocks(BlockState state) const { return blocks[At(state)]; }
  std::int64_t Tokens(BlockState state) const { return tokens[At(state)]; }
};

// One session's figures, computed on request in O(its blocks).
struct KvSessionStats {
  SessionKey key;
  bool running = false;
  std::int64_t held_tokens = 0;
  std::int64_t lower_tokens = 0;  // of them in lower tiers: the last ones
  std::int64_t held_blocks = 0;
  std::int64_t own_blocks = 0;     // nobody else holds or continues them
  std::int64_t shared_blocks = 0;  // held_blocks - own_blocks
  std::int64_t turns = 0;
  std::int64_t hit_tokens_session = 0;
  std::int64_t hit_tokens_prefix = 0;
  KvLedger ledger;
  absl::Duration last_use = absl::ZeroDuration();
  PinKind pin = PinKind::kBestEffort;  // in force now
  KvSessionState state = KvSessionState::kIdle;
  std::int64_t budget_tokens = 0;
  bool deferred = false;  // guaranteed, but running turns of others must make way first
  absl::Duration lease_until = absl::InfiniteDuration();  // infinite while a turn runs or without
};

// One tenant's figures, computed on request in O(sessions).
struct KvTenantStats {
  TenantId tenant;
  std::int64_t sessions = 0;  // that hold KV or a guarantee
  std::int64_t held_tokens = 0;
  std::int64_t guaranteed_sessions = 0;
  std::int64_t retained_sessions = 0;
  std::int64_t guaranteed_tokens = 0;
  // Of tenants with limits of their own, else 0; resident in whole blocks of the device.
  std::int64_t quota_tokens = 0;
  std::int64_t floor_tokens = 0;
  std::int64_t resident_tokens = 0;
};

}  // namespace pintle::kv

#endif  // PINTLE_WORKER_KV_KV_STATS_H_

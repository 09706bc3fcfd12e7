// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_CACHE_REPORT_H_
#define PINTLE_CONTRACT_CACHE_REPORT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "contract/cache_reason.h"
#include "contract/ids.h"
#include "contract/limits.h"
#include "contract/pin.h"
#include "contract/session_state.h"

// What one worker's KV cache holds and lost, as GetCacheStats and a worker's report tell it: the
// worker fills it from its own figures, a coordinator keeps the last one of each worker.
// Plain data; the meaning of each figure is design section 6's.
namespace pintle {

// What left for one reason; evictions and bytes are 0 where the reason is no eviction.
struct RemovedTokens {
  CacheReason reason = CacheReason::kCapacity;
  std::int64_t tokens = 0;
  std::int64_t evictions = 0;
  std::int64_t bytes = 0;

  friend bool operator==(const RemovedTokens&, const RemovedTokens&) = default;
};

struct TierReport {
  CacheTier tier = CacheTier::kDevice;
  std::int64_t capacity_bytes = 0;
  std::int64_t blocks_total = 0;
  std::int64_t blocks_free = 0;
  std::int64_t blocks_in_use = 0;
  std::int64_t blocks_evictable = 0;
  std::int64_t blocks_pinned = 0;
  std::int64_t tokens_resident = 0;
  // stored + moved_in - moved_out - sum(removed) = resident.
  std::int64_t tokens_stored = 0;
  std::int64_t tokens_moved_in = 0;
  std::int64_t tokens_moved_out = 0;
  std::vector<RemovedTokens> removed;

  friend bool operator==(const TierReport&, const TierReport&) = default;
};

// One session that holds KV.
struct SessionCacheReport {
  SessionKey key;
  std::int64_t held_tokens = 0;
  std::int64_t blocks = 0;
  std::int64_t shared_blocks = 0;
  absl::Duration idle = absl::ZeroDuration();

  friend bool operator==(const SessionCacheReport&, const SessionCacheReport&) = default;
};

// Tokens prefilled again that an eviction of this reason had dropped.
struct RegretReport {
  CacheReason reason = CacheReason::kCapacity;
  std::int64_t tokens = 0;

  friend bool operator==(const RegretReport&, const RegretReport&) = default;
};

// The hit ratio expected of `capacity` times today's size.
struct ExpectedHits {
  double capacity = 1;
  double hit_ratio = 0;

  friend bool operator==(const ExpectedHits&, const ExpectedHits&) = default;
};

// Evictions under one policy for one reason from one tier.
struct PolicyEvictionsReport {
  std::string policy;
  CacheReason reason = CacheReason::kCapacity;
  CacheTier tier = CacheTier::kDevice;
  std::int64_t evictions = 0;
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;

  friend bool operator==(const PolicyEvictionsReport&, const PolicyEvictionsReport&) = default;
};

// What one tenant has in the cache, and what it may have.
struct TenantCacheReport {
  TenantId tenant;
  std::int64_t sessions = 0;  // that hold KV or a guarantee
  std::int64_t held_tokens = 0;
  std::int64_t guaranteed_sessions = 0;
  std::int64_t retained_sessions = 0;
  std::int64_t guaranteed_tokens = 0;
  // 0 for tenants without limits.
  std::int64_t quota_tokens = 0;
  std::int64_t floor_tokens = 0;
  std::int64_t resident_tokens = 0;

  friend bool operator==(const TenantCacheReport&, const TenantCacheReport&) = default;
};

// What guarantees may come to and what they come to, in tokens, and how pins ended.
struct PinBudgetReport {
  std::int64_t limit_tokens = 0;
  std::int64_t guaranteed_tokens = 0;
  std::int64_t used_tokens = 0;  // of them, what KV takes
  std::int64_t lease_expirations = 0;
  std::int64_t ttl_expirations = 0;
  std::int64_t rejections = 0;

  friend bool operator==(const PinBudgetReport&, const PinBudgetReport&) = default;
};

// Sessions by the pin in force and what they do.
struct SessionCountReport {
  PinKind pin = PinKind::kBestEffort;
  SessionState state = SessionState::kIdle;
  std::int64_t sessions = 0;

  friend bool operator==(const SessionCountReport&, const SessionCountReport&) = default;
};

struct CacheReport {
  WorkerId worker;
  std::string model;
  std::string policy;
  std::int32_t block_tokens = 0;
  std::int64_t bytes_per_token = 0;
  std::vector<TierReport> tiers;
  // The session ledger: attached - sum(detached) = held.
  std::int64_t tokens_attached = 0;
  std::int64_t tokens_held = 0;
  std::vector<RemovedTokens> detached;
  // Prompt tokens asked for, and those of them answered from KV.
  std::int64_t prefix_query_tokens = 0;
  std::int64_t hit_tokens_session = 0;
  std::int64_t hit_tokens_prefix = 0;
  std::vector<RegretReport> regret;
  std::int64_t regret_overflow_tokens = 0;  // evicted, and forgotten before they were missed
  std::vector<ExpectedHits> expected_hits;
  std::vector<PolicyEvictionsReport> evictions;
  std::vector<TenantCacheReport> tenants;
  PinBudgetReport pin_budget;
  std::vector<SessionCountReport> session_counts;
  // Filled only when asked for; of one tenant, ordered by id.
  std::vector<SessionCacheReport> sessions;
  // How old the figures are.
  absl::Duration age = absl::ZeroDuration();

  friend bool operator==(const CacheReport&, const CacheReport&) = default;
};

// Sums the tiers of several workers, by tier and reason.
std::vector<TierReport> SumTiers(const std::vector<CacheReport>& reports);

// What is asked beside the figures.
struct CacheQuery {
  TenantId tenant;
  // Also the tenant's sessions that hold KV, of each worker the first `page_size` after `after`.
  bool include_sessions = false;
  std::size_t page_size = limits::kSessionsPageMax;
  SessionId after;
};

// Whoever can tell: a worker about itself, a coordinator about its fleet.
// Thread: safe from any thread; the callback runs once, on any thread, possibly before the return.
class CacheStatsSource {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<std::vector<CacheReport>>)>;

  virtual ~CacheStatsSource() = default;
  // One report per worker.
  virtual void GetCacheReports(const CacheQuery& query, Callback done) = 0;
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_CACHE_REPORT_H_

// SPDX-License-Identifier: Apache-2.0
// Creation, sessions, eviction and figures; turns are in kv_cache_turns.cc, forks and moves of
// whole sessions in kv_cache_sessions.cc, the invariants in kv_cache_invariants.cc.
#include "worker/kv/kv_cache.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/kv/class_policy.h"

namespace pintle::kv {
namespace {

// Block indices and token counts are 32 bits; a pool beyond this would overflow positions.
constexpr std::int64_t kPoolTokensMax = std::numeric_limits<std::int32_t>::max();

std::string SharedNamespace(const KvOptions& options) {
  // Lengths keep two different lists of parts from becoming one string. The empty part is the
  // adapter, of which there is none yet.
  return absl::StrCat("/", options.model_fingerprint.size(), ":", options.model_fingerprint, "/0:/",
                      options.kv_dtype.size(), ":", options.kv_dtype, "/", options.block_tokens);
}

// The pin budget and the floors leave room for a maximal request, and every quota holds something.
absl::Status ValidateBudgets(const KvOptions& options) {
  const std::int64_t width = options.block_tokens;
  if (options.tenants.size() > limits::kLimitedTenants) {
    return InvalidField("kv.tenants", absl::StrCat("has ", options.tenants.size(),
                                                   " entries, limit ", limits::kLimitedTenants));
  }
  std::int64_t floors = 0;
  absl::flat_hash_set<TenantId> names;
  for (const TenantLimit& tenant : options.tenants) {
    if (!names.insert(tenant.tenant).second) {
      return InvalidField("kv.tenants", absl::StrCat("names ", tenant.tenant.value(), " twice"));
    }
    if (tenant.quota_tokens < 0 || (tenant.quota_tokens > 0 && tenant.quota_tokens < 2 * width)) {
      return InvalidField("quota_tokens", absl::StrCat("of ", tenant.tenant.value(), " is ",
                                                       tenant.quota_tokens, ", at least ",
                                                       2 * width, " (two blocks)"));
    }
    if (tenant.floor_tokens < 0 ||
        (tenant.quota_tokens > 0 && tenant.floor_tokens > tenant.quota_tokens)) {
      return InvalidField("floor_tokens",
                          absl::StrCat("of ", tenant.tenant.value(), " is ", tenant.floor_tokens,
                                       ", limit is its quota of ", tenant.quota_tokens));
    }
    floors += (tenant.floor_tokens + width - 1) / width;
  }
  const std::int64_t asked = std::max<std::int64_t>(options.pin_budget_tokens, 0);
  const std::int64_t pins = (asked + width - 1) / width;
  const std::int64_t left = options.blocks - options.RequestBlocks();
  if (pins + floors > std::max<std::int64_t>(left, 0)) {
    return InvalidField(
        "kv.pin_budget_tokens",
        absl::StrCat("and the tenants' floors are ", (pins + floors) * width,
                     " tokens, limit ", left * width, " of the pool's ", options.blocks * width,
                     ": a request of ", options.RequestBlocks() * width, " must always fit"));
  }
  return absl::OkStatus();
}

Budgets::Options BudgetsOf(const KvOptions& options) {
  Budgets::Options budgets;
  budgets.pin_tokens = options.PinBudgetTokens();
  budgets.tenants = options.tenants;
  std::int64_t floors = 0;
  for (const TenantLimit& tenant : options.tenants) {
    floors += (tenant.floor_tokens + options.block_tokens - 1) / options.block_tokens;
  }
  budgets.pin_blocks = std::max<std::int64_t>(options.blocks - options.RequestBlocks() - floors, 0);
  return budgets;
}

}  // namespace

absl::Status KvOptions::Validate() const {
  if (blocks < 1) return InvalidField("kv.blocks", absl::StrCat("is ", blocks, ", at least 1"));
  if (block_tokens < 1) {
    return InvalidField("kv.block_tokens", absl::StrCat("is ", block_tokens, ", at least 1"));
  }
  if (static_cast<std::int64_t>(blocks) * block_tokens > kPoolTokensMax) {
    return InvalidField("kv.blocks", absl::StrCat("is ", blocks, " of ", block_tokens,
                                                  " tokens, limit ", kPoolTokensMax, " tokens"));
  }
  if (bytes_per_token < 0) {
    return InvalidField("kv.bytes_per_token", absl::StrCat("is ", bytes_per_token, ", at least 0"));
  }
  if (hash_bits < 1 || hash_bits > 128) {
    return InvalidField("kv.hash_bits", absl::StrCat("is ", hash_bits, ", limit 1 to 128"));
  }
  if (sessions_max < 1 || sequences_max < 1 || sequence_blocks_max < 0) {
    return InvalidField("kv.sessions_max, sequences_max", "must be at least 1");
  }
  return ValidateBudgets(*this);
}

std::int64_t KvOptions::RequestBlocks() const {
  if (sequence_blocks_max == 0) return blocks;
  return std::min<std::int64_t>(blocks, std::int64_t{sequence_blocks_max} + 2);
}

std::int64_t KvOptions::PinBudgetTokens() const {
  if (pin_budget_tokens >= 0) return pin_budget_tokens;
  std::int64_t floors = 0;
  for (const TenantLimit& tenant : tenants) {
    floors += (tenant.floor_tokens + block_tokens - 1) / block_tokens;
  }
  const std::int64_t most = std::max<std::int64_t>(blocks - RequestBlocks() - floors, 0);
  return std::min<std::int64_t>(blocks / 2, most) * block_tokens;
}

absl::StatusOr<std::unique_ptr<KvCache>> KvCache::Create(const KvOptions& options) {
  PINTLE_RETURN_IF_ERROR(options.Validate());
  const std::int32_t longest = options.sequence_blocks_max == 0
                                   ? options.blocks
                                   : std::min(options.blocks, options.sequence_blocks_max);
  std::unique_ptr<KvCache> cache(new KvCache(options, longest));
  Holdings& holdings = cache->holdings_;
  PINTLE_ASSIGN_OR_RETURN(holdings.policy,
                          ClassPolicy::Create(options.policy, holdings.pool, holdings));
  return cache;
}

KvCache::KvCache(const KvOptions& options, std::int32_t sequence_blocks_max)
    : options_(options),
      hash_(options.hash_key, options.hash_bits),
      holdings_(
          Holdings::Options{options.blocks, options.block_tokens, options.bytes_per_token,
                            options.sessions_max, SharedNamespace(options),
                            BudgetsOf(options)},
          hash_),
      sequences_(options.sequences_max, sequence_blocks_max),
      matcher_(holdings_.pool, holdings_.index, hash_, sequence_blocks_max),
      pins_(holdings_) {
  plan_.victims.reserve(static_cast<std::size_t>(sequence_blocks_max) + 1);
}

KvCache::~KvCache() {
  for (std::int32_t slot = 0; slot < sequences_.bound(); ++slot) {
    PINTLE_CHECK(!sequences_[slot].live, "a sequence never outlives its cache");
  }
}

absl::Status KvCache::DropSession(const SessionKey& key, KvReason reason, absl::Duration now) {
  Notice(now);
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return absl::OkStatus();
  Session& it = holdings_.sessions[session];
  if (holdings_.sessions.Busy(session)) {
    return MakeError(Reason::kSessionBusy, "the session runs a turn");
  }
  ActFor(key);
  const BlockIndex tail = it.tail;
  const std::int32_t space = it.space;
  pins_.Forget(session, now);
  holdings_.DetachLower(session, reason);
  holdings_.Detach(session, it.held, reason);
  holdings_.sessions.Hold(session, kNoBlock, 0);
  holdings_.ForgetCopies(tail, kNoBlock, reason);
  holdings_.Settle(tail, reason, now);
  holdings_.sessions.Erase(session);
  holdings_.spaces.Drop(space);
  return absl::OkStatus();
}

absl::Status KvCache::TruncateSession(const SessionKey& key, Position tokens, absl::Duration now) {
  Notice(now);
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return absl::OkStatus();
  Session& it = holdings_.sessions[session];
  if (holdings_.sessions.Busy(session)) {
    return MakeError(Reason::kSessionBusy, "the session runs a turn");
  }
  const Position keep = std::max<Position>(tokens, 0);
  ActFor(key);
  if (keep >= it.held) {
    TruncateLower(session, keep - it.held);
    return absl::OkStatus();
  }
  holdings_.DetachLower(session, KvReason::kTruncated);
  const BlockIndex old_tail = it.tail;
  const BlockIndex tail = TailFor(it, keep);
  holdings_.Detach(session, it.held - keep, KvReason::kTruncated);
  holdings_.sessions.Hold(session, tail, keep);
  pins_.Replace(session, now);
  holdings_.ForgetCopies(old_tail, tail, KvReason::kTruncated);
  holdings_.Settle(old_tail, KvReason::kTruncated, now);
  return absl::OkStatus();
}

void KvCache::TruncateLower(std::int32_t session, Position keep) {
  const Session& it = holdings_.sessions[session];
  if (keep >= it.lower) return;
  const std::int32_t steps = BlocksFor(it.held + it.lower) - BlocksFor(it.held + keep);
  const Hash128 old_tail = it.lower_tail;
  std::optional<Hash128> tail = old_tail;
  if (keep > 0 && steps > 0) tail = holdings_.demoter->Above(old_tail, steps);
  if (keep == 0 || !tail) {
    holdings_.DetachLower(session, KvReason::kTruncated);
    return;
  }
  holdings_.Detach(session, it.lower - keep, KvReason::kTruncated);
  holdings_.HoldLower(session, *tail, keep, KvReason::kTruncated);
}

void KvCache::LowerLost(const Hash128& hash, const Hash128& parent, Position first_position,
                        KvReason reason, EvictionRecord* record) {
  holdings_.LowerLost(hash, parent, first_position, reason, record);
}

KvCache::LowerPart KvCache::SessionLower(const SessionKey& key) const {
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return {};
  return {holdings_.sessions[session].lower_tail, holdings_.sessions[session].lower};
}

std::vector<BlockIndex> KvCache::SessionChain(const SessionKey& key) const {
  std::vector<BlockIndex> chain;
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return chain;
  for (BlockIndex at = holdings_.sessions[session].tail; at != kNoBlock;
       at = holdings_.pool[at].parent) {
    chain.push_back(at);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

KvCache::BlockContent KvCache::Content(BlockIndex block) const {
  const Block& it = holdings_.pool[block];
  BlockContent content;
  content.tenant = holdings_.spaces.Tenant(it.space);
  content.parent_hash = holdings_.WideHash(it.parent, it.space);
  content.hash = holdings_.WideHash(block, it.space);
  content.first_position = it.depth * options_.block_tokens;
  content.tokens = holdings_.pool.TokensOf(block).first(static_cast<std::size_t>(it.filled));
  return content;
}

std::vector<KvCache::SessionPlace> KvCache::SessionPlaces() const {
  std::vector<SessionPlace> places;
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live || it.held + it.lower == 0) continue;
    const Hash128 tail = it.lower > 0 ? it.lower_tail : holdings_.WideHash(it.tail, it.space);
    const absl::Duration until =
        it.running == -1 ? it.pins.lease_until : last_now_ + it.pins.lease;
    places.push_back({it.key, tail, it.held + it.lower, it.last_use, it.pins.kind,
                      it.pins.budget_tokens, it.pins.asked.resident, until});
  }
  return places;
}

bool KvCache::RestoreSession(const SessionPlace& place, absl::Duration now) {
  Notice(now);
  if (holdings_.sessions.Find(place.key) != -1 || !holdings_.sessions.HasRoom()) return false;
  const std::int32_t session = FindOrCreate(place.key);
  holdings_.sessions[session].last_use = now;
  holdings_.Attach(session, place.tokens);
  holdings_.HoldLower(session, place.tail_hash, place.tokens, KvReason::kOverwritten);
  if (place.pin == PinKind::kGuaranteed && place.lease_until > now) {
    Pin pin;
    pin.kind = PinKind::kGuaranteed;
    pin.budget_tokens = place.budget_tokens;
    pin.resident = place.resident;
    // Where budgets have shrunk since, it is refused: the session is as any other.
    pins_.Set(session, std::move(pin), place.lease_until - now, now);
  }
  return true;
}

Position KvCache::HeldTokens(const SessionKey& key) const {
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return 0;
  return holdings_.sessions[session].held + holdings_.sessions[session].lower;
}

std::optional<KvSessionStats> KvCache::SessionStats(const SessionKey& key) const {
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return std::nullopt;
  const Session& it = holdings_.sessions[session];
  KvSessionStats stats;
  stats.key = it.key;
  stats.running = holdings_.sessions.Busy(session);
  stats.pin = it.pins.kind;
  stats.state = it.running != -1  ? KvSessionState::kRunning
                : it.cold         ? KvSessionState::kCold
                : it.pins.expired ? KvSessionState::kExpired
                                  : KvSessionState::kIdle;
  stats.budget_tokens = it.pins.budget_tokens;
  stats.deferred = it.pins.granted_blocks < it.pins.budget_blocks || it.pins.next.has_value();
  stats.lease_until = it.pins.lease_until;
  stats.held_tokens = it.held + it.lower;
  stats.lower_tokens = it.lower;
  stats.held_blocks = BlocksFor(it.held);
  // From the tail upwards: once somebody else meets the chain all blocks before are shared.
  for (BlockIndex at = it.tail; at != kNoBlock; at = holdings_.pool[at].parent) {
    const Block& block = holdings_.pool[at];
    if (block.cached || block.tails + block.children > 1) break;
    ++stats.own_blocks;
  }
  stats.shared_blocks = stats.held_blocks - stats.own_blocks;
  stats.turns = it.turns;
  stats.hit_tokens_session = it.hit_tokens_session;
  stats.hit_tokens_prefix = it.hit_tokens_prefix;
  stats.ledger = it.ledger;
  stats.last_use = it.last_use;
  return stats;
}

std::vector<KvTenantStats> KvCache::TenantStats() const {
  std::map<TenantId, KvTenantStats> tenants;
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& session = holdings_.sessions[s];
    const std::int64_t held = session.held + session.lower;
    if (!session.live || (held == 0 && session.pins.budget_tokens == 0)) continue;
    KvTenantStats& tenant = tenants[session.key.tenant];
    ++tenant.sessions;
    tenant.held_tokens += held;
    tenant.guaranteed_tokens += session.pins.budget_tokens;
    if (session.pins.kind == PinKind::kGuaranteed) ++tenant.guaranteed_sessions;
    if (session.pins.kind == PinKind::kRetained) ++tenant.retained_sessions;
  }
  for (const TenantLimit& limit : options_.tenants) {
    const Budgets::Account& it = holdings_.budgets.account(holdings_.budgets.Find(limit.tenant));
    const auto found = tenants.find(limit.tenant);
    if (found == tenants.end() && it.resident == 0) continue;
    KvTenantStats& tenant = tenants[limit.tenant];
    tenant.quota_tokens = limit.quota_tokens;
    tenant.floor_tokens = limit.floor_tokens;
    tenant.resident_tokens = it.resident * options_.block_tokens;
  }
  std::vector<KvTenantStats> all;
  for (auto& [name, tenant] : tenants) {
    tenant.tenant = name;
    all.push_back(tenant);
  }
  return all;
}

EvictionPlan KvCache::Plan(std::int32_t need, absl::Duration now) const {
  EvictionPlan plan;
  holdings_.PlanInto(need, -1, now, &plan);
  plan.blocks_reserved = holdings_.budgets.promised();
  const auto kept =
      std::find_if(plan.victims.begin(), plan.victims.end(),
                   [this](const Victim& it) { return holdings_.pool[it.block].kept; });
  plan.first_retained = static_cast<std::size_t>(kept - plan.victims.begin());
  if (plan.blocks_pinned > 0) DescribeBlockers(&plan);
  return plan;
}

EvictionRecord KvCache::Describe(const Victim& victim, absl::Duration now) const {
  EvictionRecord record;
  holdings_.Describe(victim, KvReason::kCapacity, SessionKey(), now, &record);
  return record;
}

void KvCache::DescribeBlockers(EvictionPlan* plan) const {
  for (std::int32_t s = 0; s < holdings_.sessions.bound(); ++s) {
    const Session& it = holdings_.sessions[s];
    if (!it.live || it.pins.marks.empty() || it.pins.kind != PinKind::kGuaranteed) continue;
    PlanBlocker blocker{it.key, 0, it.pins.budget_tokens, it.pins.lease_until};
    for (BlockIndex at = it.pins.marks[0].block; at != kNoBlock; at = holdings_.pool[at].parent) {
      if (holdings_.pool[at].state == BlockState::kPinned) ++blocker.blocks;
    }
    if (blocker.blocks > 0) plan->blockers.push_back(std::move(blocker));
  }
  std::sort(plan->blockers.begin(), plan->blockers.end(),
            [](const PlanBlocker& a, const PlanBlocker& b) {
              return a.blocks != b.blocks ? a.blocks > b.blocks : a.key < b.key;
            });
  if (plan->blockers.size() <= EvictionPlan::kBlockersNamed) return;
  plan->blockers_unnamed =
      static_cast<std::int64_t>(plan->blockers.size() - EvictionPlan::kBlockersNamed);
  plan->blockers.resize(EvictionPlan::kBlockersNamed);
}

void KvCache::Commit(const EvictionPlan& plan, KvReason reason, const SessionKey& on_behalf_of,
                     absl::Duration now) {
  Notice(now);
  holdings_.Commit(plan, reason, on_behalf_of, now);
}

absl::Status KvCache::SetPolicy(absl::string_view name, absl::Duration now) {
  Notice(now);
  PINTLE_ASSIGN_OR_RETURN(auto policy, ClassPolicy::Create(name, holdings_.pool, holdings_));
  holdings_.ChangePolicy(std::move(policy), now);
  return absl::OkStatus();
}

KvStats KvCache::Stats() const {
  KvStats stats = holdings_.stats;
  stats.policy = holdings_.policy->name();
  stats.block_tokens = options_.block_tokens;
  stats.bytes_per_token = options_.bytes_per_token;
  stats.blocks_total = options_.blocks;
  stats.blocks = holdings_.pool.counts();
  stats.tokens = holdings_.pool.tokens();
  stats.blocks_reserved = holdings_.budgets.promised();
  stats.capacity_bytes =
      static_cast<std::int64_t>(options_.blocks) * options_.block_tokens * options_.bytes_per_token;
  stats.sessions_running = holdings_.sessions.running();
  stats.sessions_idle = holdings_.sessions.idle();
  stats.sessions_cold = holdings_.sessions.cold();
  stats.sessions_by_pin = holdings_.sessions.by_pin();
  stats.pin_budget_tokens = holdings_.budgets.options().pin_tokens;
  stats.guaranteed_tokens = holdings_.budgets.guaranteed_tokens();
  stats.guaranteed_blocks = holdings_.budgets.guaranteed_blocks();
  // What is in use and burdens no general turn belongs to turns that draw on guarantees.
  const std::int64_t used = stats.Blocks(BlockState::kPinned) + stats.Blocks(BlockState::kInUse) -
                            holdings_.budgets.used();
  stats.guaranteed_used_tokens = std::min(stats.guaranteed_tokens, used * options_.block_tokens);
  return stats;
}

}  // namespace pintle::kv

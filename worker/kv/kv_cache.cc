// SPDX-License-Identifier: Apache-2.0
// Creation, sessions, eviction and figures; turns are in kv_cache_turns.cc, forks and moves of
// whole sessions in kv_cache_sessions.cc, the invariants in kv_cache_invariants.cc.
#include "worker/kv/kv_cache.h"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/check.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/kv/policy_registry.h"

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
  if (sessions_max < 1 || sequences_max < 1 || records_max < 1 || sequence_blocks_max < 0) {
    return InvalidField("kv.sessions_max, sequences_max, records_max", "must be at least 1");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<KvCache>> KvCache::Create(const KvOptions& options) {
  PINTLE_RETURN_IF_ERROR(options.Validate());
  const std::int32_t longest = options.sequence_blocks_max == 0
                                   ? options.blocks
                                   : std::min(options.blocks, options.sequence_blocks_max);
  std::unique_ptr<KvCache> cache(new KvCache(options, longest));
  PINTLE_ASSIGN_OR_RETURN(cache->holdings_.policy,
                          MakePolicy(options.policy, options.blocks, cache->holdings_));
  return cache;
}

KvCache::KvCache(const KvOptions& options, std::int32_t sequence_blocks_max)
    : options_(options),
      hash_(options.hash_key, options.hash_bits),
      holdings_(
          Holdings::Options{options.blocks, options.block_tokens, options.bytes_per_token,
                            options.sessions_max, options.records_max, SharedNamespace(options)},
          hash_),
      sequences_(options.sequences_max, sequence_blocks_max),
      matcher_(holdings_.pool, holdings_.index, hash_, sequence_blocks_max) {
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
  if (it.running != -1) return MakeError(Reason::kSessionBusy, "the session runs a turn");
  ActFor(key);
  const BlockIndex tail = it.tail;
  const std::int32_t space = it.space;
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
  if (it.running != -1) return MakeError(Reason::kSessionBusy, "the session runs a turn");
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
    places.push_back({it.key, tail, it.held + it.lower, it.last_use});
  }
  return places;
}

bool KvCache::RestoreSession(const SessionPlace& place, absl::Duration now) {
  Notice(now);
  if (holdings_.sessions.Find(place.key) != -1 || !holdings_.sessions.HasRoom()) return false;
  std::int32_t forgotten = -1;
  const std::int32_t space = holdings_.spaces.Use(place.key.tenant);
  const std::int32_t session = holdings_.sessions.Create(place.key, space, &forgotten);
  if (forgotten != -1) holdings_.spaces.Drop(forgotten);
  holdings_.sessions[session].last_use = now;
  holdings_.Attach(session, place.tokens);
  holdings_.HoldLower(session, place.tail_hash, place.tokens, KvReason::kOverwritten);
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
  stats.running = it.running != -1;
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
    if (!session.live || held == 0) continue;
    KvTenantStats& tenant = tenants[session.key.tenant];
    ++tenant.sessions;
    tenant.held_tokens += held;
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
  holdings_.PlanInto(need, now, &plan);
  plan.blocks_reserved = reserved_;
  return plan;
}

EvictionRecord KvCache::Describe(const Victim& victim, absl::Duration now) const {
  EvictionRecord record;
  holdings_.Describe(victim, KvReason::kCapacity, SessionKey(), now, &record);
  return record;
}

void KvCache::Commit(const EvictionPlan& plan, KvReason reason, const SessionKey& on_behalf_of,
                     absl::Duration now) {
  Notice(now);
  holdings_.Commit(plan, reason, on_behalf_of, now);
}

void KvCache::TakeRecords(std::vector<EvictionRecord>* records) { holdings_.log.Take(records); }

absl::Status KvCache::SetPolicy(absl::string_view name, absl::Duration now) {
  Notice(now);
  PINTLE_ASSIGN_OR_RETURN(auto policy, MakePolicy(name, options_.blocks, holdings_));
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
  stats.blocks_reserved = reserved_;
  stats.capacity_bytes =
      static_cast<std::int64_t>(options_.blocks) * options_.block_tokens * options_.bytes_per_token;
  stats.records_lost = holdings_.log.lost();
  stats.sessions_running = holdings_.sessions.running();
  stats.sessions_idle = holdings_.sessions.idle();
  stats.sessions_cold = holdings_.sessions.cold();
  return stats;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/holdings.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "contract/check.h"

namespace pintle::kv {
namespace {

bool Needed(const Block& block) {
  return block.referenced() || block.children > 0 || block.tails > 0 || block.cached;
}

Budgets::Options OfPool(Budgets::Options budgets, std::int32_t blocks, std::int32_t block_tokens) {
  budgets.blocks = blocks;
  budgets.block_tokens = block_tokens;
  return budgets;
}

}  // namespace

Holdings::Holdings(const Options& options, const BlockHash& block_hash)
    : budgets(OfPool(options.budgets, options.blocks, options.block_tokens)),
      pool(options.blocks, options.block_tokens),
      index(pool),
      spaces(block_hash, options.shared_namespace, &budgets),
      sessions(pool, options.sessions_max),
      hash_(block_hash),
      bytes_per_token_(options.bytes_per_token) {
  chain_.reserve(static_cast<std::size_t>(options.blocks));
}

BlockIndex Holdings::Take(BlockIndex parent, std::int32_t space, absl::Duration now, bool funded) {
  const BlockIndex block = pool.TakeFree();
  Block& it = pool[block];
  it.parent = parent;
  it.space = space;
  it.table_refs = 1;
  it.taken_at = now;
  it.last_use = now;
  if (parent == kNoBlock) {
    spaces.UseAgain(space);
  } else {
    it.depth = pool[parent].depth + 1;
    ++pool[parent].children;
  }
  budgets.Reside(spaces.Limit(space), 1);
  if (!funded) Burden(block, 1);
  policy->Insert(block, now);
  ++version;
  return block;
}

void Holdings::Burden(BlockIndex block, std::int32_t refs) {
  Block& it = pool[block];
  const bool before = it.general_refs > 0;
  it.general_refs += refs;
  PINTLE_CHECK(it.general_refs >= 0, "a general reference is given back as one");
  const bool after = it.general_refs > 0;
  if (before != after) budgets.Use(LimitOf(block), after ? 1 : -1);
}

void Holdings::Ref(BlockIndex block, bool funded) {
  Block& it = pool[block];
  ++it.table_refs;
  if (!funded) Burden(block, 1);
  if (it.state == BlockState::kInUse) return;
  if (it.state == BlockState::kEvictable) policy->Protected(block);
  pool.SetState(block, BlockState::kInUse);
  ++version;
}

void Holdings::Deref(BlockIndex block, KvReason reason, absl::Duration now, bool funded) {
  PINTLE_CHECK(pool[block].table_refs > 0, "a reference is given back once");
  --pool[block].table_refs;
  if (!funded) Burden(block, -1);
  Unreferenced(block, reason, now);
}

void Holdings::RefSource(BlockIndex block, bool funded) {
  PINTLE_CHECK(pool[block].referenced(), "a copy's source was in a table");
  ++pool[block].source_refs;
  if (!funded) Burden(block, 1);
}

void Holdings::DerefSource(BlockIndex block, KvReason reason, absl::Duration now, bool funded) {
  PINTLE_CHECK(pool[block].source_refs > 0, "a reference is given back once");
  --pool[block].source_refs;
  if (!funded) Burden(block, -1);
  Unreferenced(block, reason, now);
}

void Holdings::Unreferenced(BlockIndex block, KvReason reason, absl::Duration now) {
  Block& it = pool[block];
  if (it.referenced()) return;
  if (!Needed(it)) {
    const BlockIndex parent = it.parent;
    Free(block, reason, now);
    Settle(parent, reason, now);
    return;
  }
  TrimToUse(block, reason);
  it.last_use = now;
  const bool pinned = it.guarantees > 0;
  pool.SetState(block, pinned ? BlockState::kPinned : BlockState::kEvictable);
  if (!pinned) policy->Evictable(block, now);
  if (observer != nullptr) observer->Released(block, it.indexed ? &it.hash : nullptr);
  ++version;
}

void Holdings::Touch(BlockIndex block, absl::Duration now) {
  Block& it = pool[block];
  ++it.reuse;
  it.last_use = now;
  // What a preemption kept is a turn's again; should the turn end badly it goes with the turn.
  if (it.preempted) it.cached = false;
  it.preempted = false;
  policy->Access(block, now);
  ++version;
}

void Holdings::Write(BlockIndex block, std::int32_t count, absl::Duration now) {
  pool.SetFilled(block, pool[block].filled + count);
  pool[block].last_use = now;
  stats.physical.added += count;
  stats.physical.present += count;
  if (observer != nullptr) observer->Stored(block, count, now);
}

void Holdings::MoveIn(BlockIndex block, std::int32_t count, KvTier from, absl::Duration now) {
  pool.SetFilled(block, pool[block].filled + count);
  pool[block].last_use = now;
  stats.physical.moved_in += count;
  stats.physical.present += count;
  if (observer != nullptr) observer->Promoted(block, count, from, now);
}

void Holdings::Relink(BlockIndex block, BlockIndex parent) {
  Block& it = pool[block];
  if (it.parent == parent) return;
  PINTLE_CHECK(!it.kept, "a block that a pin keeps stays in its chain");
  PINTLE_CHECK(it.parent != kNoBlock && parent != kNoBlock, "a first block has no parent");
  --pool[it.parent].children;
  ++pool[parent].children;
  it.parent = parent;
  ++version;
}

std::int32_t Holdings::Cut(BlockIndex block, std::int32_t filled) {
  Block& it = pool[block];
  const std::int32_t removed = it.filled - filled;
  if (removed == 0) return 0;
  PINTLE_CHECK(removed > 0, "trimming never adds");
  if (it.indexed) index.Erase(block);
  pool.SetFilled(block, filled);
  stats.physical.present -= removed;
  return removed;
}

void Holdings::Trim(BlockIndex block, std::int32_t filled, KvReason reason) {
  const std::int32_t removed = Cut(block, filled);
  if (removed == 0) return;
  stats.physical.removed[At(reason)] += removed;
  if (observer != nullptr) observer->Removed(block, removed, reason);
}

void Holdings::TrimToUse(BlockIndex block, KvReason reason) {
  const Block& it = pool[block];
  if (it.children > 0 || it.cached || it.referenced()) return;
  Trim(block, std::min(it.filled, sessions.LongestUse(block)), reason);
}

void Holdings::Free(BlockIndex block, KvReason reason, absl::Duration now) {
  if (pool[block].filled > 0) stats.block_lifetime.Observe(now - pool[block].taken_at);
  Trim(block, 0, reason);
  FreeEmpty(block);
}

void Holdings::FreeEmpty(BlockIndex block) {
  const Block& it = pool[block];
  policy->Erase(block);
  budgets.Reside(LimitOf(block), -1);
  if (it.parent == kNoBlock) {
    spaces.Drop(it.space);
  } else {
    --pool[it.parent].children;
    if (it.kept) --pool[it.parent].kept_children;
  }
  pool.GiveBack(block);
  ++version;
}

void Holdings::Attach(std::int32_t session, std::int64_t tokens) {
  if (session == -1) return;
  for (KvLedger* ledger : {&sessions[session].ledger, &stats.sessions}) {
    ledger->added += tokens;
    ledger->present += tokens;
  }
}

void Holdings::Detach(std::int32_t session, std::int64_t tokens, KvReason reason) {
  if (session == -1) return;
  for (KvLedger* ledger : {&sessions[session].ledger, &stats.sessions}) {
    ledger->removed[At(reason)] += tokens;
    ledger->present -= tokens;
  }
}

void Holdings::HoldLower(std::int32_t session, const Hash128& tail, Position tokens,
                         KvReason reason) {
  const Position before = sessions[session].lower;
  const Hash128 old_tail = sessions[session].lower_tail;
  sessions.HoldLower(session, tail, tokens);
  if (demoter == nullptr) return;
  PlaceGuard(session);
  if ((before > 0) == (tokens > 0) && old_tail == tail) return;
  if (tokens > 0) demoter->Hold(tail);
  if (before == 0) return;
  const std::int32_t width = pool.block_tokens();
  const Position held = sessions[session].held;
  const std::int32_t kept = (held + tokens + (tokens > 0 ? width - 1 : 0)) / width;
  demoter->Release(old_tail, (held + before + width - 1) / width - kept, reason);
}

void Holdings::ForgetCopies(BlockIndex block, BlockIndex end, KvReason reason) {
  if (demoter == nullptr) return;
  for (; block != end; block = pool[block].parent) {
    demoter->Forget(WideHash(block, pool[block].space), reason);
  }
}

void Holdings::DetachLower(std::int32_t session, KvReason reason) {
  Detach(session, sessions[session].lower, reason);
  HoldLower(session, Hash128{}, 0, reason);
}

void Holdings::LowerLost(const Hash128& hash, const Hash128& parent, Position first_position,
                         KvReason reason, EvictionRecord* record) {
  for (std::int32_t s = sessions.FirstLower(hash); s != -1; s = sessions[s].next_lower) {
    const auto named = static_cast<std::size_t>(record->holders++);
    if (named < record->sessions.size()) record->sessions[named] = sessions[s].key.session;
  }
  for (std::int32_t s = sessions.FirstLower(hash); s != -1; s = sessions.FirstLower(hash)) {
    const Session& it = sessions[s];
    const Position keep = std::max(first_position - it.held, 0);
    Detach(s, it.lower - keep, reason);
    HoldLower(s, keep > 0 ? parent : Hash128{}, keep, reason);
  }
}

void Holdings::Settle(BlockIndex block, KvReason reason, absl::Duration now) {
  while (block != kNoBlock && !pool[block].referenced()) {
    if (Needed(pool[block])) {
      TrimToUse(block, reason);
      return;
    }
    const BlockIndex parent = pool[block].parent;
    Free(block, reason, now);
    block = parent;
  }
}

void Holdings::Commit(const EvictionPlan& plan, KvReason reason, const SessionKey& on_behalf_of,
                      absl::Duration now) {
  PINTLE_CHECK(plan.ok() && plan.version == version, "a plan is carried out as it was made");
  PINTLE_CHECK(IsEviction(reason), "an eviction has an eviction's reason");
  if (plan.victims.empty()) return;
  policy->Commit(plan.victims, now);
  for (const Victim& victim : plan.victims) Evict(victim, reason, on_behalf_of, now);
}

void Holdings::Evict(const Victim& victim, KvReason reason, const SessionKey& on_behalf_of,
                     absl::Duration now) {
  Block& it = pool[victim.block];
  PINTLE_CHECK(it.state == BlockState::kEvictable && it.children == 0,
               "only an unused leaf is evicted");
  reason = ReasonFor(victim.block, reason);
  Describe(victim, reason, on_behalf_of, now, &record_);
  const bool moved = Demote(now);
  if (!moved) CountEviction();
  const Position start = it.depth * pool.block_tokens();
  while (it.first_tail != -1) {
    const std::int32_t session = it.first_tail;
    const Position lost = sessions[session].held - start;
    if (moved) {
      const Session& whose = sessions[session];
      HoldLower(session, whose.lower > 0 ? whose.lower_tail : wide_hash_, whose.lower + lost,
                reason);
    } else {
      // What lower tiers keep begins where the held positions end.
      DetachLower(session, reason);
      Detach(session, lost, reason);
    }
    sessions.Hold(session, it.parent, start);
    PlaceMarks(session, now);
  }
  if (it.cached && it.parent != kNoBlock) {
    // Cache content shrinks from its tail too: what no session uses of the parent is kept for its
    // own sake now.
    Block& parent = pool[it.parent];
    if (!parent.cached && !parent.referenced() && parent.children == 1 &&
        sessions.LongestUse(it.parent) < parent.filled) {
      parent.cached = true;
      parent.preempted = it.preempted && parent.tails == 0;
    }
  }
  stats.block_lifetime.Observe(record_.age);
  const std::int32_t gone = Cut(victim.block, 0);
  (moved ? stats.physical.moved_out : stats.physical.removed[At(reason)]) += gone;
  FreeEmpty(victim.block);
}

void Holdings::Describe(const Victim& victim, KvReason reason, const SessionKey& on_behalf_of,
                        absl::Duration now, EvictionRecord* out) const {
  const Block& it = pool[victim.block];
  EvictionRecord& record = *out;
  record.at = now;
  record.tenant = spaces.Tenant(it.space);
  record.holders = it.tails;
  std::size_t named = 0;
  for (std::int32_t s = it.first_tail; s != -1 && named < record.sessions.size();
       s = sessions[s].next_tail) {
    record.sessions[named++] = sessions[s].key.session;
  }
  for (; named < record.sessions.size(); ++named) record.sessions[named] = SessionId();
  record.block = victim.block;
  const Hash128& before = it.parent == kNoBlock ? spaces.Root(it.space) : pool[it.parent].hash;
  record.hash = it.indexed ? it.hash : hash_.Extend(before, WrittenTokens(victim.block));
  record.parent_hash = before;
  record.tokens = it.filled;
  record.bytes = it.filled * bytes_per_token_;
  record.first_position = it.depth * pool.block_tokens();
  record.tier = KvTier::kDevice;
  record.policy = policy->name();
  record.score = victim.score;
  record.reason = reason;
  record.age = now - it.taken_at;
  record.idle = now - it.last_use;
  record.reuse_count = it.reuse;
  record.on_behalf_of = on_behalf_of;
}

bool Holdings::Demote(absl::Duration now) {
  if (demoter == nullptr) return false;
  const Block& it = pool[record_.block];
  bool guaranteed = false;
  for (std::int32_t s = it.first_tail; s != -1; s = sessions[s].next_tail) {
    const SessionPins& pins = sessions[s].pins;
    if (pins.kind != PinKind::kGuaranteed) continue;
    if (pins.asked.resident) return false;
    guaranteed = guaranteed || it.depth < pins.budget_blocks;
  }
  wide_hash_ = WideHash(record_.block, it.space);
  const auto tier = demoter->Demote(DemotionOffer{record_, WideHash(it.parent, it.space),
                                                  wide_hash_, WrittenTokens(record_.block),
                                                  guaranteed},
                                    now);
  if (tier && observer != nullptr) observer->Demoted(record_, *tier);
  return tier.has_value();
}

Hash128 Holdings::WideHash(BlockIndex block, std::int32_t space) const {
  if (block == kNoBlock) {
    return hash_.IsWide() ? spaces.Root(space) : spaces.WideRoot(space);
  }
  const Block& it = pool[block];
  if (it.indexed && hash_.IsWide()) return it.hash;
  return hash_.WideExtend(WideHash(it.parent, space), WrittenTokens(block));
}

void Holdings::RecordLower(const EvictionRecord& lower) {
  EvictionRecord record = lower;
  record.number = ++evictions_numbered_;
  if (observer != nullptr) observer->Evicted(record);
}

void Holdings::CountEviction() {
  EvictionRecord& record = record_;
  record.number = ++evictions_numbered_;
  ++stats.evictions[At(record.reason)];
  stats.evicted_tokens[At(record.reason)] += record.tokens;
  stats.evicted_bytes[At(record.reason)] += record.bytes;
  stats.idle_before_eviction.Observe(record.idle);
  if (observer != nullptr) observer->Evicted(record);
}

absl::Span<const TokenId> Holdings::WrittenTokens(BlockIndex block) const {
  return pool.TokensOf(block).first(static_cast<std::size_t>(pool[block].filled));
}

BlockFacts Holdings::Facts(BlockIndex block) const {
  BlockFacts facts = pool.Facts(block);
  // The open session that comes back soonest speaks for all.
  const auto before = [](const Session& a, const BlockFacts& b) {
    if ((a.outlook == SessionOutlook::kClosed) != (b.outlook == SessionOutlook::kClosed)) {
      return b.outlook == SessionOutlook::kClosed;
    }
    if (a.expected_return != b.expected_return) return a.expected_return < b.expected_return;
    return a.turns > b.turns;
  };
  for (std::int32_t s = pool[block].first_tail; s != -1; s = sessions[s].next_tail) {
    const Session& it = sessions[s];
    if (facts.sessions++ > 0 && !before(it, facts)) continue;
    facts.turns = static_cast<std::int32_t>(it.turns);
    facts.session = it.number;
    facts.outlook = it.outlook;
    facts.expected_return = it.expected_return;
  }
  return facts;
}

void Holdings::ChangePolicy(std::unique_ptr<EvictionPolicy> next, absl::Duration now) {
  std::vector<Victim> order;
  const auto evictable = static_cast<std::int32_t>(pool.Count(BlockState::kEvictable));
  order.reserve(static_cast<std::size_t>(evictable));
  policy->Propose(evictable, now, OfferAll, &order);
  for (BlockIndex block = 0; block < pool.size(); ++block) {
    if (pool[block].state != BlockState::kFree) next->Insert(block, now);
  }
  for (const Victim& victim : order) next->Evictable(victim.block, now);
  policy = std::move(next);
  ++version;
}

}  // namespace pintle::kv

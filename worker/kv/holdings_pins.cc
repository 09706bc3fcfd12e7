// SPDX-License-Identifier: Apache-2.0
// Which blocks pins keep, and what may be evicted for whom.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "contract/check.h"
#include "worker/kv/holdings.h"

namespace pintle::kv {

// --- Marks ---

BlockIndex Holdings::MarkPlace(const Session& session, const PinMark& mark) const {
  Position end = std::min(mark.to, session.held);
  if (mark.kind == PinKind::kGuaranteed) {
    if (session.pins.suspended) return kNoBlock;
    end = std::min(end, session.pins.granted_blocks * pool.block_tokens());
  }
  if (end <= mark.from) return kNoBlock;
  const std::int32_t depth = (end - 1) / pool.block_tokens();
  BlockIndex at = session.tail;
  while (pool[at].depth > depth) at = pool[at].parent;
  return at;
}

void Holdings::PlaceMarks(std::int32_t session, absl::Duration now) {
  Session& it = sessions[session];
  // All marks weigh somewhere new before any leaves, so that what stays kept never changes class.
  for (PinMark& mark : it.pins.marks) {
    const BlockIndex place = MarkPlace(it, mark);
    if (place != kNoBlock) AddMark(place, mark, now);
    mark.leaves = mark.block;
    mark.block = place;
  }
  for (PinMark& mark : it.pins.marks) {
    if (mark.leaves != kNoBlock) DropMark(mark.leaves, mark.kind, now);
    mark.leaves = kNoBlock;
  }
  PlaceGuard(session);
}

void Holdings::PlaceGuard(std::int32_t session) {
  Session& it = sessions[session];
  const std::int32_t width = pool.block_tokens();
  std::optional<Hash128> wanted;
  if (it.pins.kind == PinKind::kGuaranteed && it.lower > 0 && demoter != nullptr) {
    const std::int32_t blocks = (it.held + it.lower + width - 1) / width;
    const std::int32_t beyond = std::max(blocks - it.pins.budget_blocks, 0);
    const std::int32_t promised = (it.lower + width - 1) / width - beyond;
    if (promised > 0) wanted = it.lower_tail;
    if (promised > 0 && beyond > 0) wanted = demoter->Above(it.lower_tail, beyond);
  }
  if (wanted == it.pins.guard) return;
  if (wanted) demoter->Guard(*wanted);
  const std::optional<Hash128> before = std::exchange(it.pins.guard, wanted);
  if (before) demoter->Unguard(*before);
}

void Holdings::ClearMarks(std::int32_t session, absl::Duration now) {
  for (const PinMark& mark : sessions[session].pins.marks) {
    if (mark.block != kNoBlock) DropMark(mark.block, mark.kind, now);
  }
  sessions[session].pins.marks.clear();
}

void Holdings::AddMark(BlockIndex block, const PinMark& mark, absl::Duration now) {
  const bool guaranteed = mark.kind == PinKind::kGuaranteed;
  chain_.clear();
  for (BlockIndex at = block; at != kNoBlock; at = pool[at].parent) {
    if ((guaranteed ? pool[at].guarantees : pool[at].retentions)++ > 0) break;
    chain_.push_back(at);
  }
  if (!guaranteed) RaiseFacts(block, mark, now);
  Reclass(true, now);
}

void Holdings::DropMark(BlockIndex block, PinKind kind, absl::Duration now) {
  const bool guaranteed = kind == PinKind::kGuaranteed;
  chain_.clear();
  for (BlockIndex at = block; at != kNoBlock; at = pool[at].parent) {
    Block& it = pool[at];
    if (--(guaranteed ? it.guarantees : it.retentions) > 0) break;
    if (!guaranteed) {
      it.priority = -1;
      it.kept_until = absl::ZeroDuration();
    }
    chain_.push_back(at);
  }
  Reclass(false, now);
}

// Larger figures go up the chain as far as they are larger.
void Holdings::RaiseFacts(BlockIndex block, const PinMark& mark, absl::Duration now) {
  for (BlockIndex at = block; at != kNoBlock; at = pool[at].parent) {
    Block& it = pool[at];
    if (it.priority >= mark.priority && it.kept_until >= mark.until) return;
    it.priority = std::max(it.priority, mark.priority);
    it.kept_until = std::max(it.kept_until, mark.until);
    if (it.kept && it.state == BlockState::kEvictable) policy->Changed(at, now);
  }
}

void Holdings::Reclass(bool kept, absl::Duration now) {
  // Those that change class are a leading part of the chain when it grows stronger, and any part
  // of it when it grows weaker: other marks may still keep what is above.
  std::size_t changed = 0;
  for (; changed < chain_.size(); ++changed) {
    Block& it = pool[chain_[changed]];
    const bool wanted = it.guarantees + it.retentions > 0;
    if (wanted == it.kept) break;
    policy->Erase(chain_[changed]);
    it.kept = wanted;
    if (it.parent != kNoBlock) pool[it.parent].kept_children += kept ? 1 : -1;
  }
  for (std::size_t i = changed; i-- > 0;) policy->Insert(chain_[i], now);
  // Blocks join a class behind their parents' backs when a session at rest is pinned: the parents
  // are announced anew, since children come first.
  const bool joins = kept && changed > 0 && changed == chain_.size();
  const BlockIndex above = joins ? pool[chain_[changed - 1]].parent : kNoBlock;
  const auto evictable = [this](BlockIndex block) {
    return block != kNoBlock && pool[block].state == BlockState::kEvictable;
  };
  for (BlockIndex at = above; evictable(at); at = pool[at].parent) policy->Protected(at);
  for (std::size_t i = 0; i < chain_.size(); ++i) {
    const BlockIndex block = chain_[i];
    const Block& it = pool[block];
    if (it.referenced()) continue;
    const bool listed = i >= changed && it.state == BlockState::kEvictable;
    const bool pinned = it.guarantees > 0;
    if (listed && pinned) policy->Protected(block);
    if (!listed && !pinned) policy->Evictable(block, now);
    pool.SetState(block, pinned ? BlockState::kPinned : BlockState::kEvictable);
  }
  for (BlockIndex at = above; evictable(at); at = pool[at].parent) policy->Evictable(at, now);
  if (!chain_.empty()) ++version;
}

// --- Evictions ---

KvReason Holdings::ReasonFor(BlockIndex block, KvReason reason) const {
  const Block& it = pool[block];
  if (it.preempted) return KvReason::kPreempted;
  if (reason != KvReason::kCapacity || it.tails == 0) return reason;
  // Somebody whose pin had not ended would have lost the block anyway.
  for (std::int32_t s = it.first_tail; s != -1; s = sessions[s].next_tail) {
    if (sessions[s].pins.lapsed == KvReason::kCapacity) return reason;
    reason = std::max(reason, sessions[s].pins.lapsed);
  }
  return reason;
}

void Holdings::PlanInto(std::int32_t need, std::int32_t space, absl::Duration now,
                        EvictionPlan* plan) const {
  plan->need = need;
  plan->from_free = std::min(need, pool.free_blocks());
  plan->victims.clear();
  plan->blocks_floored = 0;
  const std::int32_t missing = need - plan->from_free;
  if (missing > 0 && !budgets.has_floors()) policy->Propose(missing, now, OfferAll, &plan->victims);
  if (missing > 0 && budgets.has_floors()) ProposeAboveFloors(missing, space, now, plan);
  plan->shortfall = missing - static_cast<std::int32_t>(plan->victims.size());
  plan->blocks_in_use = pool.Count(BlockState::kInUse);
  plan->blocks_pinned = pool.Count(BlockState::kPinned);
  plan->version = version;
}

void Holdings::ProposeAboveFloors(std::int32_t missing, std::int32_t space, absl::Duration now,
                                  EvictionPlan* plan) const {
  const std::int32_t own = space == -1 ? -1 : spaces.Limit(space);
  // Tenants that came to their floor, and what was proposed of them before that.
  absl::flat_hash_map<std::int32_t, absl::flat_hash_set<BlockIndex>> floored;
  const auto offer = [&](BlockIndex block) {
    const std::int32_t limit = LimitOf(block);
    if (limit == -1 || limit == own) return true;
    if (budgets.AboveFloor(limit) == 0) return false;
    const auto found = floored.find(limit);
    return found == floored.end() || found->second.contains(block);
  };
  // Each round floors at least one tenant more, so there are at most as many as tenants.
  for (bool again = true; again;) {
    again = false;
    plan->victims.clear();
    policy->Propose(missing, now, offer, &plan->victims);
    absl::flat_hash_map<std::int32_t, std::int64_t> taken;
    for (const Victim& victim : plan->victims) {
      const std::int32_t limit = LimitOf(victim.block);
      if (limit == -1 || limit == own || floored.contains(limit)) continue;
      if (++taken[limit] > budgets.AboveFloor(limit)) again = true;
    }
    if (!again) break;
    for (const auto& [limit, count] : taken) {
      const std::int64_t most = budgets.AboveFloor(limit);
      if (count <= most) continue;
      auto& allowed = floored[limit];
      for (const Victim& victim : plan->victims) {
        if (static_cast<std::int64_t>(allowed.size()) == most) break;
        if (LimitOf(victim.block) == limit) allowed.insert(victim.block);
      }
    }
  }
  for (std::int32_t limit = 0; limit < budgets.size(); ++limit) {
    const Budgets::Account& it = budgets.account(limit);
    if (limit != own) plan->blocks_floored += std::min(it.floor, it.resident);
  }
}

void Holdings::PlanQuota(std::int32_t need, std::int32_t space, absl::Duration now,
                         EvictionPlan* plan) const {
  plan->need = need;
  plan->from_free = 0;
  plan->victims.clear();
  const std::int32_t limit = spaces.Limit(space);
  const auto offer = [this, limit](BlockIndex block) { return LimitOf(block) == limit; };
  if (need > 0) policy->Propose(need, now, offer, &plan->victims);
  plan->shortfall = need - static_cast<std::int32_t>(plan->victims.size());
  plan->version = version;
}

}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
// Pins of sessions, and what turns may claim of the pool because of them.
#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "worker/kv/kv_cache.h"

namespace pintle::kv {

std::int32_t KvCache::FindOrCreate(const SessionKey& key) {
  SessionTable& sessions = holdings_.sessions;
  const std::int32_t session = sessions.Find(key);
  if (session != -1 || !sessions.HasRoom()) return session;
  std::int32_t forgotten = -1;
  const std::int32_t space = holdings_.spaces.Use(key.tenant);
  const std::int32_t created = sessions.Create(key, space, &forgotten);
  if (forgotten != -1) holdings_.spaces.Drop(forgotten);
  // It may have the number of the one that was forgotten, whose lease may still have run.
  pins_.Created(created);
  return created;
}

PinAnswer KvCache::SetPin(const SessionKey& key, const Pin& pin, absl::Duration lease,
                          absl::Duration now) {
  Notice(now);
  const bool known = holdings_.sessions.Find(key) != -1;
  const std::int32_t session = FindOrCreate(key);
  if (session == -1) {
    return {PinVerdict::kRejected,
            MakeError(Reason::kSessionsMax,
                      absl::StrCat("sessions with KV: limit ", options_.sessions_max))};
  }
  PinAnswer answer = pins_.Set(session, pin, lease, now);
  if (answer.verdict == PinVerdict::kRejected && !known) {
    holdings_.spaces.Drop(holdings_.sessions[session].space);
    holdings_.sessions.Erase(session);
  }
  return answer;
}

PinAnswer KvCache::RenewPin(const SessionKey& key, absl::Duration now) {
  Notice(now);
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return {PinVerdict::kMissing, absl::OkStatus()};
  return pins_.Renew(session, now);
}

PinAnswer KvCache::ReleasePin(const SessionKey& key, absl::Duration now) {
  Notice(now);
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return {PinVerdict::kMissing, absl::OkStatus()};
  return pins_.Set(session, Pin{}, holdings_.sessions[session].pins.lease, now);
}

void KvCache::SetOutlook(const SessionKey& key, std::optional<SessionOutlook> outlook,
                         std::optional<absl::Duration> expected_return, absl::Duration now) {
  Notice(now);
  const std::int32_t session = holdings_.sessions.Find(key);
  if (session == -1) return;
  Session& it = holdings_.sessions[session];
  const SessionOutlook before = it.outlook;
  const absl::Duration expected = it.expected_return;
  it.outlook = outlook.value_or(before);
  it.expected_return = expected_return.value_or(expected);
  if (it.outlook == before && it.expected_return == expected) return;
  ++holdings_.version;
  if (it.tail != kNoBlock && holdings_.pool[it.tail].state == BlockState::kEvictable) {
    holdings_.policy->Changed(it.tail, now);
  }
}

void KvCache::Expire(absl::Duration now) {
  Notice(now);
  pins_.Expire(now);
}

std::int64_t KvCache::RoomOf(std::int32_t space) const {
  return holdings_.budgets.Room(space == -1 ? -1 : holdings_.spaces.Limit(space));
}

std::int64_t KvCache::Room(const TenantId& tenant) const {
  return holdings_.budgets.Room(holdings_.budgets.Find(tenant));
}

bool KvCache::HasQuota(const TenantId& tenant) const {
  return holdings_.budgets.Find(tenant) != -1;
}

absl::Status KvCache::CheckQuota(const TenantId& tenant, std::int64_t blocks) const {
  return holdings_.budgets.CheckQuota(holdings_.budgets.Find(tenant), blocks);
}

absl::Status KvCache::CheckQuotaRoom(const TenantId& tenant, std::int64_t blocks) const {
  return holdings_.budgets.CheckQuotaRoom(holdings_.budgets.Find(tenant), blocks);
}

std::int32_t KvCache::Funder(std::int32_t session) const {
  if (session == -1) return -1;
  const SessionPins& pins = holdings_.sessions[session].pins;
  const bool in_force = pins.kind == PinKind::kGuaranteed && pins.granted_blocks > 0 &&
                        pins.granted_blocks == pins.budget_blocks;
  return in_force ? session : -1;
}

std::int32_t KvCache::TurnBlocks(std::int32_t session, Position prompt, KvTurnSize size) const {
  if (size.tokens_max == 0 && size.choices == 1) {
    return std::max(holdings_.sessions[session].pins.granted_blocks, BlocksFor(prompt));
  }
  // Full blocks of the prompt are shared, all others belong to one choice each.
  const std::int32_t shared = prompt / options_.block_tokens;
  return shared + size.choices * (BlocksFor(std::max(size.tokens_max, prompt)) - shared);
}

absl::Status KvCache::CheckBudget(std::int32_t funder, Position prompt, KvTurnSize size) {
  const SessionPins& pins = holdings_.sessions[funder].pins;
  if (TurnBlocks(funder, prompt, size) <= pins.granted_blocks) return absl::OkStatus();
  ++holdings_.stats.session_budget_errors;
  const std::string message = absl::StrCat(
      "the turn may come to ", std::max(size.tokens_max, prompt), " tokens in ", size.choices,
      " choices, the session's budget is ", pins.budget_tokens);
  ErrorDetail detail;
  detail.reason = Reason::kSessionBudget;
  detail.quotas.push_back({"session", message});
  return MakeError(std::move(detail), message);
}

void KvCache::Fund(std::int32_t slot, std::int32_t funder, Position prompt, KvTurnSize size) {
  if (funder == -1) return;
  Sequence& it = sequences_[slot];
  it.funder = funder;
  it.prompt = prompt;
  it.funded_blocks = TurnBlocks(funder, prompt, size);
  it.blocks_cap = size.choices == 1 ? it.funded_blocks
                                    : BlocksFor(std::max(size.tokens_max, prompt));
  holdings_.sessions[funder].pins.forks = size.choices - 1;
}

std::int32_t KvCache::SharedWithOwn(std::int32_t session, const MatchedChain& chain) const {
  auto shared = static_cast<std::int32_t>(chain.blocks.size()) - (IsCopied(chain) ? 1 : 0);
  BlockIndex own = holdings_.sessions[session].tail;
  while (own != kNoBlock && holdings_.pool[own].depth >= shared) own = holdings_.pool[own].parent;
  while (own != kNoBlock) {
    const std::int32_t depth = holdings_.pool[own].depth;
    shared = depth + 1;
    if (chain.blocks[static_cast<std::size_t>(depth)] == own) return shared;
    own = holdings_.pool[own].parent;
  }
  return 0;
}

void KvCache::FitToBudget(std::int32_t funder, Position prompt, KvTurnSize size,
                          MatchedChain* chain) const {
  if (funder == -1 || !IsCopied(*chain)) return;
  const Session& it = holdings_.sessions[funder];
  const std::int32_t turn = TurnBlocks(funder, prompt, size) + 1;
  const std::int32_t before = std::max(BlocksFor(it.held) - SharedWithOwn(funder, *chain), 0);
  if (turn > it.pins.granted_blocks && before + turn > it.pins.granted_blocks) DropPartial(chain);
}

std::int32_t KvCache::Newly(absl::Span<const BlockIndex> blocks) const {
  return static_cast<std::int32_t>(
      std::count_if(blocks.begin(), blocks.end(), [this](BlockIndex block) {
        return holdings_.pool[block].general_refs == 0;
      }));
}

absl::Status KvCache::MakeRoom(const Sequence& sequence, std::int32_t blocks, absl::Duration now) {
  ActFor(Beneficiary(sequence));
  const auto own =
      static_cast<std::int32_t>(holdings_.budgets.OverQuota(holdings_.spaces.Limit(sequence.space),
                                                            blocks));
  // The budgets say that both plans succeed; should they not, the quota's evictions were due
  // anyway.
  if (own > 0) {
    holdings_.PlanQuota(own, sequence.space, now, &plan_);
    if (plan_.shortfall > 0) return PoolFull(plan_.shortfall, 0);
    holdings_.Commit(plan_, KvReason::kQuota, Beneficiary(sequence), now);
  }
  holdings_.PlanInto(blocks, sequence.space, now, &plan_);
  if (!plan_.ok()) return PoolFull(plan_.shortfall, 0);
  holdings_.Commit(plan_, KvReason::kCapacity, Beneficiary(sequence), now);
  return absl::OkStatus();
}

}  // namespace pintle::kv

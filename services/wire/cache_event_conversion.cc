// SPDX-License-Identifier: Apache-2.0
#include "services/wire/cache_event_conversion.h"

#include <algorithm>
#include <cstddef>
#include <string>

#include "services/wire/cache_conversion.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

v1::CacheEventKind KindOf(CacheEventKind kind) {
  return static_cast<v1::CacheEventKind>(static_cast<int>(kind) + 1);
}
static_assert(v1::STORED == static_cast<int>(CacheEventKind::kStored) + 1);
static_assert(v1::MOVED == static_cast<int>(CacheEventKind::kMoved) + 1);
static_assert(v1::REMOVED == static_cast<int>(CacheEventKind::kRemoved) + 1);
static_assert(v1::EVICTED == static_cast<int>(CacheEventKind::kEvicted) + 1);

v1::PinKind PinOf(PinKind kind) {
  return static_cast<v1::PinKind>(static_cast<int>(kind) + 1);
}
static_assert(v1::BEST_EFFORT == static_cast<int>(PinKind::kBestEffort) + 1);
static_assert(v1::RETAINED == static_cast<int>(PinKind::kRetained) + 1);
static_assert(v1::GUARANTEED == static_cast<int>(PinKind::kGuaranteed) + 1);

void FillRecord(const CacheEviction& eviction, const TenantId& loser, const CacheSight& sight,
                v1::EvictionRecord* out) {
  out->set_number(eviction.number);
  out->set_holders(eviction.holders);
  if (sight.Sees(loser)) {
    const auto named =
        std::min<std::size_t>(static_cast<std::size_t>(eviction.holders), eviction.sessions.size());
    for (std::size_t i = 0; i < named; ++i) out->add_sessions(eviction.sessions[i].value());
  }
  out->set_policy(std::string(eviction.policy));
  out->set_score(eviction.score);
  ToProto(eviction.age, out->mutable_age());
  ToProto(eviction.idle, out->mutable_idle());
  out->set_reuse_count(eviction.reuse_count);
  if (sight.Sees(eviction.on_behalf_of.tenant)) {
    out->set_on_behalf_of_tenant(eviction.on_behalf_of.tenant.value());
    out->set_on_behalf_of_session(eviction.on_behalf_of.session.value());
  }
}

}  // namespace

void ToProto(const CacheEvent& event, const CacheSight& sight,
             absl::FunctionRef<absl::Time(absl::Duration)> wall, v1::CacheEvent* out) {
  out->set_sequence(event.sequence);
  out->set_kind(KindOf(event.kind));
  ToProto(wall(event.at), out->mutable_at());
  out->set_block(event.block);
  if (sight.Sees(event.key.tenant)) {
    out->set_tenant(event.key.tenant.value());
    out->set_session(event.key.session.value());
  }
  out->set_first_position(event.first_position);
  out->set_tokens(event.tokens);
  out->set_bytes(event.bytes);
  out->set_tier(ToProto(event.tier));
  const bool evicted = event.kind == CacheEventKind::kEvicted;
  const bool moved = event.kind == CacheEventKind::kMoved;
  if (moved) out->set_to_tier(ToProto(event.to));
  if (evicted || event.kind == CacheEventKind::kRemoved) out->set_reason(ToProto(event.reason));
  if (evicted || (moved && event.to > event.tier)) {
    FillRecord(event.eviction, event.key.tenant, sight, out->mutable_eviction());
  }
}

void ToProto(const EvictionExplanation& explanation, const CacheSight& sight,
             v1::ExplainEvictionResponse* out) {
  out->set_worker(explanation.worker.value());
  out->set_policy(explanation.policy);
  out->set_block_tokens(explanation.block_tokens);
  out->set_blocks_needed(explanation.blocks_needed);
  out->set_blocks_free(explanation.blocks_free);
  out->set_blocks_reserved(explanation.blocks_reserved);
  out->set_blocks_in_use(explanation.blocks_in_use);
  out->set_blocks_pinned(explanation.blocks_pinned);
  out->set_blocks_evicted(explanation.blocks_evicted);
  out->set_tokens_evicted(explanation.tokens_evicted);
  out->set_bytes_evicted(explanation.bytes_evicted);
  out->set_blocks_short(explanation.blocks_short);
  out->set_blocks_floored(explanation.blocks_floored);
  out->set_blockers_unnamed(explanation.blockers_unnamed);
  for (const EvictionBlocker& blocker : explanation.blockers) {
    v1::EvictionBlocker* row = out->add_blockers();
    if (sight.Sees(blocker.key.tenant)) {
      row->set_tenant(blocker.key.tenant.value());
      row->set_session(blocker.key.session.value());
    }
    row->set_blocks(blocker.blocks);
    row->set_budget_tokens(blocker.budget_tokens);
    if (blocker.lease_left != absl::InfiniteDuration()) {
      ToProto(std::max(blocker.lease_left, absl::ZeroDuration()), row->mutable_lease_left());
    }
  }
  for (const ExplainedVictim& victim : explanation.victims) {
    v1::EvictionCandidate* row = out->add_victims();
    row->set_block(victim.block);
    if (sight.Sees(victim.tenant)) {
      row->set_tenant(victim.tenant.value());
      for (const SessionId& session : victim.sessions) row->add_sessions(session.value());
    }
    row->set_holders(victim.holders);
    row->set_first_position(victim.first_position);
    row->set_tokens(victim.tokens);
    row->set_bytes(victim.bytes);
    row->set_tier(ToProto(victim.tier));
    row->set_pin(PinOf(victim.pin));
    row->set_score(victim.score);
    ToProto(victim.age, row->mutable_age());
    ToProto(victim.idle, row->mutable_idle());
    row->set_reuse_count(victim.reuse_count);
    row->set_why(victim.why);
  }
}

void KeepSeen(const CacheSight& sight, v1::WorkerCache* cache) {
  auto* tenants = cache->mutable_tenants();
  for (int i = tenants->size(); i-- > 0;) {
    if (!sight.Sees(TenantId(tenants->Get(i).tenant()))) tenants->DeleteSubrange(i, 1);
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/wire/cache_conversion.h"

#include <utility>
#include <vector>

#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

// The lists have the same names in the same order; the messages' begin with UNSPECIFIED.
static_assert(v1::CAPACITY == 1 && static_cast<int>(CacheReason::kCapacity) == 0);
static_assert(v1::ROLLED_BACK == static_cast<int>(CacheReason::kRolledBack) + 1);
static_assert(v1::OVERWRITTEN == static_cast<int>(CacheReason::kOverwritten) + 1);
static_assert(v1::RemovalReason_MAX == v1::OVERWRITTEN);
static_assert(v1::BEST_EFFORT == static_cast<int>(PinKind::kBestEffort) + 1);
static_assert(v1::GUARANTEED == static_cast<int>(PinKind::kGuaranteed) + 1);
static_assert(v1::PinKind_MAX == v1::GUARANTEED);
static_assert(v1::RUNNING == static_cast<int>(SessionState::kRunning) + 1);
static_assert(v1::EXPIRED == static_cast<int>(SessionState::kExpired) + 1);
static_assert(v1::COLD == static_cast<int>(SessionState::kCold) + 1);
static_assert(v1::SessionState_MAX == v1::COLD);
static_assert(v1::DEVICE == static_cast<int>(CacheTier::kDevice) + 1);
static_assert(v1::DISK == static_cast<int>(CacheTier::kDisk) + 1 && v1::Tier_MAX == v1::DISK);

using RemovedField = google::protobuf::RepeatedPtrField<v1::RemovedTokens>;

void ToProto(const std::vector<RemovedTokens>& removed, RemovedField* out) {
  for (const RemovedTokens& row : removed) {
    v1::RemovedTokens* proto = out->Add();
    proto->set_reason(ToProto(row.reason));
    proto->set_tokens(row.tokens);
    proto->set_evictions(row.evictions);
    proto->set_bytes(row.bytes);
  }
}

std::vector<RemovedTokens> FromProto(const RemovedField& removed) {
  std::vector<RemovedTokens> out;
  for (const v1::RemovedTokens& row : removed) {
    if (row.reason() < v1::CAPACITY || row.reason() > v1::RemovalReason_MAX) continue;
    out.push_back(
        {static_cast<CacheReason>(row.reason() - 1), row.tokens(), row.evictions(), row.bytes()});
  }
  return out;
}

bool Known(v1::RemovalReason reason) {
  return reason >= v1::CAPACITY && reason <= v1::RemovalReason_MAX;
}

void InsightFromProto(const v1::WorkerCache& cache, CacheReport* out) {
  for (const v1::RegretTokens& row : cache.regret()) {
    if (!Known(row.reason())) continue;
    out->regret.push_back({static_cast<CacheReason>(row.reason() - 1), row.tokens()});
  }
  out->regret_overflow_tokens = cache.regret_overflow_tokens();
  for (const v1::ExpectedHitRatio& row : cache.expected_hit_ratios()) {
    out->expected_hits.push_back({row.capacity(), row.hit_ratio()});
  }
  for (const v1::PolicyEvictions& row : cache.evictions()) {
    if (!Known(row.reason()) || row.tier() < v1::DEVICE || row.tier() > v1::Tier_MAX) continue;
    out->evictions.push_back({row.policy(), static_cast<CacheReason>(row.reason() - 1),
                              static_cast<CacheTier>(row.tier() - 1), row.evictions(), row.tokens(),
                              row.bytes()});
  }
  for (const v1::TenantCache& row : cache.tenants()) {
    out->tenants.push_back({TenantId(row.tenant()), row.sessions(), row.held_tokens(),
                            row.guaranteed_sessions(), row.retained_sessions(),
                            row.guaranteed_tokens(), row.kv_quota_tokens(), row.kv_floor_tokens(),
                            row.resident_tokens()});
  }
}

void PinsToProto(const CacheReport& report, v1::WorkerCache* out) {
  v1::PinBudget* budget = out->mutable_pin_budget();
  budget->set_limit_tokens(report.pin_budget.limit_tokens);
  budget->set_guaranteed_tokens(report.pin_budget.guaranteed_tokens);
  budget->set_used_tokens(report.pin_budget.used_tokens);
  budget->set_lease_expirations(report.pin_budget.lease_expirations);
  budget->set_ttl_expirations(report.pin_budget.ttl_expirations);
  budget->set_rejections(report.pin_budget.rejections);
  for (const SessionCountReport& row : report.session_counts) {
    v1::SessionCount* proto = out->add_session_counts();
    proto->set_pin(static_cast<v1::PinKind>(static_cast<int>(row.pin) + 1));
    proto->set_state(static_cast<v1::SessionState>(static_cast<int>(row.state) + 1));
    proto->set_sessions(row.sessions);
  }
}

void PinsFromProto(const v1::WorkerCache& cache, CacheReport* out) {
  const v1::PinBudget& budget = cache.pin_budget();
  out->pin_budget = {budget.limit_tokens(),      budget.guaranteed_tokens(),
                     budget.used_tokens(),       budget.lease_expirations(),
                     budget.ttl_expirations(),   budget.rejections()};
  for (const v1::SessionCount& row : cache.session_counts()) {
    if (row.pin() < v1::BEST_EFFORT || row.pin() > v1::PinKind_MAX) continue;
    if (row.state() < v1::RUNNING || row.state() > v1::SessionState_MAX) continue;
    out->session_counts.push_back({static_cast<PinKind>(row.pin() - 1),
                                   static_cast<SessionState>(row.state() - 1), row.sessions()});
  }
}

TierReport FromProto(const v1::TierStats& in) {
  TierReport out;
  out.tier = static_cast<CacheTier>(in.tier() - 1);
  out.capacity_bytes = in.capacity_bytes();
  out.blocks_total = in.blocks_total();
  out.blocks_free = in.blocks_free();
  out.blocks_in_use = in.blocks_in_use();
  out.blocks_evictable = in.blocks_evictable();
  out.blocks_pinned = in.blocks_pinned();
  out.tokens_resident = in.tokens_resident();
  out.tokens_stored = in.tokens_stored();
  out.tokens_moved_in = in.tokens_moved_in();
  out.tokens_moved_out = in.tokens_moved_out();
  out.removed = FromProto(in.removed());
  return out;
}

}  // namespace

v1::RemovalReason ToProto(CacheReason reason) {
  return static_cast<v1::RemovalReason>(static_cast<int>(reason) + 1);
}

v1::Tier ToProto(CacheTier tier) { return static_cast<v1::Tier>(static_cast<int>(tier) + 1); }

void ToProto(const TierReport& tier, v1::TierStats* out) {
  out->set_tier(ToProto(tier.tier));
  out->set_capacity_bytes(tier.capacity_bytes);
  out->set_blocks_total(tier.blocks_total);
  out->set_blocks_free(tier.blocks_free);
  out->set_blocks_in_use(tier.blocks_in_use);
  out->set_blocks_evictable(tier.blocks_evictable);
  out->set_blocks_pinned(tier.blocks_pinned);
  out->set_tokens_resident(tier.tokens_resident);
  out->set_tokens_stored(tier.tokens_stored);
  out->set_tokens_moved_in(tier.tokens_moved_in);
  out->set_tokens_moved_out(tier.tokens_moved_out);
  ToProto(tier.removed, out->mutable_removed());
}

void ToProto(const CacheReport& report, v1::WorkerCache* out) {
  out->set_worker(report.worker.value());
  out->set_model(report.model);
  out->set_policy(report.policy);
  out->set_block_tokens(report.block_tokens);
  out->set_bytes_per_token(report.bytes_per_token);
  for (const TierReport& tier : report.tiers) ToProto(tier, out->add_tiers());
  out->mutable_sessions()->set_tokens_attached(report.tokens_attached);
  out->mutable_sessions()->set_tokens_held(report.tokens_held);
  ToProto(report.detached, out->mutable_sessions()->mutable_detached());
  out->mutable_prefix()->set_query_tokens(report.prefix_query_tokens);
  out->mutable_prefix()->set_hit_tokens_session(report.hit_tokens_session);
  out->mutable_prefix()->set_hit_tokens_prefix(report.hit_tokens_prefix);
  for (const SessionCacheReport& session : report.sessions) {
    v1::SessionCache* proto = out->add_held();
    proto->set_id(session.key.session.value());
    proto->set_held_tokens(session.held_tokens);
    proto->set_blocks(session.blocks);
    proto->set_shared_blocks(session.shared_blocks);
    ToProto(session.idle, proto->mutable_idle());
  }
  ToProto(report.age, out->mutable_age());
  for (const RegretReport& row : report.regret) {
    v1::RegretTokens* proto = out->add_regret();
    proto->set_reason(ToProto(row.reason));
    proto->set_tokens(row.tokens);
  }
  out->set_regret_overflow_tokens(report.regret_overflow_tokens);
  for (const ExpectedHits& row : report.expected_hits) {
    v1::ExpectedHitRatio* proto = out->add_expected_hit_ratios();
    proto->set_capacity(row.capacity);
    proto->set_hit_ratio(row.hit_ratio);
  }
  for (const PolicyEvictionsReport& row : report.evictions) {
    v1::PolicyEvictions* proto = out->add_evictions();
    proto->set_policy(row.policy);
    proto->set_reason(ToProto(row.reason));
    proto->set_tier(ToProto(row.tier));
    proto->set_evictions(row.evictions);
    proto->set_tokens(row.tokens);
    proto->set_bytes(row.bytes);
  }
  for (const TenantCacheReport& row : report.tenants) {
    v1::TenantCache* proto = out->add_tenants();
    proto->set_tenant(row.tenant.value());
    proto->set_sessions(row.sessions);
    proto->set_held_tokens(row.held_tokens);
    proto->set_guaranteed_sessions(row.guaranteed_sessions);
    proto->set_retained_sessions(row.retained_sessions);
    proto->set_guaranteed_tokens(row.guaranteed_tokens);
    proto->set_kv_quota_tokens(row.quota_tokens);
    proto->set_kv_floor_tokens(row.floor_tokens);
    proto->set_resident_tokens(row.resident_tokens);
  }
  PinsToProto(report, out);
}

CacheReport FromProto(const v1::WorkerCache& cache, const TenantId& tenant) {
  CacheReport out;
  out.worker = WorkerId(cache.worker());
  out.model = cache.model();
  out.policy = cache.policy();
  out.block_tokens = cache.block_tokens();
  out.bytes_per_token = cache.bytes_per_token();
  for (const v1::TierStats& tier : cache.tiers()) {
    if (tier.tier() < v1::DEVICE || tier.tier() > v1::Tier_MAX) continue;
    out.tiers.push_back(FromProto(tier));
  }
  out.tokens_attached = cache.sessions().tokens_attached();
  out.tokens_held = cache.sessions().tokens_held();
  out.detached = FromProto(cache.sessions().detached());
  out.prefix_query_tokens = cache.prefix().query_tokens();
  out.hit_tokens_session = cache.prefix().hit_tokens_session();
  out.hit_tokens_prefix = cache.prefix().hit_tokens_prefix();
  for (const v1::SessionCache& session : cache.held()) {
    out.sessions.push_back({{tenant, SessionId(session.id())},
                            session.held_tokens(),
                            session.blocks(),
                            session.shared_blocks(),
                            FromProto(session.idle())});
  }
  out.age = FromProto(cache.age());
  InsightFromProto(cache, &out);
  PinsFromProto(cache, &out);
  return out;
}

}  // namespace pintle

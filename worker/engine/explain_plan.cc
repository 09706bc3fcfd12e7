// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/explain_plan.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "contract/limits.h"

namespace pintle {
namespace {

// Whole seconds: an explanation is read by people.
std::string Seconds(absl::Duration time) { return absl::StrCat(absl::ToInt64Seconds(time), " s"); }

std::string WhyOf(const kv::EvictionRecord& record, PinKind pin) {
  const std::string holders = record.holders == 0 ? std::string("no session ends in it")
                              : record.holders == 1
                                  ? std::string("the end of a session")
                                  : absl::StrCat("the end of ", record.holders, " sessions");
  const char* kept = pin == PinKind::kRetained ? "retained, none of best effort is left, "
                                               : "best effort, ";
  return absl::StrCat(kept, holders, ", idle for ", Seconds(record.idle),
                      ", used again ", record.reuse_count, " times, ", record.policy,
                      absl::StrFormat(" score %.6g", record.score));
}

ExplainedVictim VictimOf(const kv::EvictionRecord& record, PinKind pin) {
  ExplainedVictim victim;
  victim.block = record.block;
  victim.tenant = record.tenant;
  const auto named =
      std::min<std::size_t>(static_cast<std::size_t>(record.holders), record.sessions.size());
  victim.sessions.assign(record.sessions.begin(),
                         record.sessions.begin() + static_cast<std::ptrdiff_t>(named));
  victim.holders = record.holders;
  victim.first_position = record.first_position;
  victim.tokens = record.tokens;
  victim.bytes = record.bytes;
  victim.tier = record.tier;
  victim.score = record.score;
  victim.age = record.age;
  victim.idle = record.idle;
  victim.reuse_count = record.reuse_count;
  victim.pin = pin;
  victim.why = WhyOf(record, pin);
  return victim;
}

}  // namespace

EvictionExplanation ExplainPlan(const kv::KvCache& cache, std::int64_t tokens, absl::Duration now) {
  const kv::KvStats stats = cache.Stats();
  const std::int64_t need = (tokens + stats.block_tokens - 1) / stats.block_tokens;
  const kv::EvictionPlan plan = cache.Plan(static_cast<std::int32_t>(need), now);
  EvictionExplanation explanation;
  explanation.policy = std::string(stats.policy);
  explanation.block_tokens = stats.block_tokens;
  explanation.blocks_needed = need;
  explanation.blocks_free = stats.Blocks(kv::BlockState::kFree);
  explanation.blocks_reserved = plan.blocks_reserved;
  explanation.blocks_in_use = plan.blocks_in_use;
  explanation.blocks_pinned = plan.blocks_pinned;
  explanation.blocks_floored = plan.blocks_floored;
  explanation.blocks_short = plan.shortfall;
  explanation.blockers_unnamed = plan.blockers_unnamed;
  for (const kv::PlanBlocker& blocker : plan.blockers) {
    explanation.blockers.push_back(
        {blocker.key, blocker.blocks, blocker.budget_tokens, blocker.lease_until - now});
  }
  explanation.blocks_evicted = static_cast<std::int64_t>(plan.victims.size());
  for (std::size_t i = 0; i < plan.victims.size(); ++i) {
    const kv::EvictionRecord record = cache.Describe(plan.victims[i], now);
    const PinKind pin = i < plan.first_retained ? PinKind::kBestEffort : PinKind::kRetained;
    explanation.tokens_evicted += record.tokens;
    explanation.bytes_evicted += record.bytes;
    if (explanation.victims.size() < limits::kExplainedVictims) {
      explanation.victims.push_back(VictimOf(record, pin));
    }
  }
  return explanation;
}

}  // namespace pintle

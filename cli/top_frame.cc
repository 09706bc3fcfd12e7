// SPDX-License-Identifier: Apache-2.0
#include "cli/top_frame.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/cache_view.h"
#include "cli/harmless_text.h"
#include "cli/session_view.h"
#include "cli/table.h"
#include "cli/worker_view.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

constexpr std::size_t kSessionRows = 10;  // A terminal of 40 lines shows the whole frame.
constexpr int kBarWidth = 40;

struct Counters {
  std::int64_t stored = 0;
  std::int64_t queried = 0;
  std::int64_t hit = 0;
  std::int64_t removed = 0;
  std::int64_t evicted = 0;
  std::int64_t regretted = 0;
};

Counters Sum(const v1::GetCacheStatsResponse& cache) {
  Counters sum;
  for (const v1::WorkerCache& worker : cache.workers()) {
    sum.queried += worker.prefix().query_tokens();
    for (const v1::RegretTokens& row : worker.regret()) sum.regretted += row.tokens();
    for (const v1::PolicyEvictions& row : worker.evictions()) sum.evicted += row.tokens();
    sum.hit += worker.prefix().hit_tokens_session() + worker.prefix().hit_tokens_prefix();
    for (const v1::TierStats& tier : worker.tiers()) {
      sum.stored += tier.tokens_stored();
      for (const v1::RemovedTokens& removed : tier.removed()) sum.removed += removed.tokens();
    }
  }
  return sum;
}

std::int64_t EvictionsOf(const v1::WorkerCache& worker, const v1::TierStats& tier) {
  std::int64_t evictions = 0;
  for (const v1::PolicyEvictions& row : worker.evictions()) {
    if (row.tier() == tier.tier()) evictions += row.evictions();
  }
  return evictions;
}

std::int64_t RegretOf(const v1::WorkerCache& worker) {
  std::int64_t tokens = 0;
  for (const v1::RegretTokens& row : worker.regret()) tokens += row.tokens();
  return tokens;
}

// "1,024 of 4,096 (2 + 1)": tokens of the pin budget; sessions guaranteed and retained.
std::string GuaranteedOf(const v1::WorkerCache& worker, const v1::TierStats& tier) {
  if (tier.tier() != v1::DEVICE || !worker.has_pin_budget()) return "-";
  std::string text = absl::StrCat(Grouped(worker.pin_budget().guaranteed_tokens()), " of ",
                                  Grouped(worker.pin_budget().limit_tokens()));
  std::int64_t guaranteed = 0;
  std::int64_t retained = 0;
  for (const v1::SessionCount& row : worker.session_counts()) {
    if (row.pin() == v1::GUARANTEED) guaranteed += row.sessions();
    if (row.pin() == v1::RETAINED) retained += row.sessions();
  }
  if (guaranteed + retained == 0) return text;
  return absl::StrCat(text, " (", guaranteed, " + ", retained, ")");
}

std::string PinsPart(const TopSnapshot& now) {
  std::string text;
  for (const v1::WorkerCache& worker : now.cache.workers()) {
    for (const v1::TenantCache& tenant : worker.tenants()) {
      if (tenant.guaranteed_sessions() + tenant.retained_sessions() == 0) continue;
      absl::StrAppend(&text, text.empty() ? "pins: " : "; ", HarmlessLine(tenant.tenant()), " on ",
                      HarmlessLine(OrDash(worker.worker())), " ",
                      Grouped(tenant.guaranteed_sessions()), " guaranteed with ",
                      Grouped(tenant.guaranteed_tokens()), " tokens, ",
                      Grouped(tenant.retained_sessions()), " retained");
    }
  }
  return text.empty() ? text : text + "\n\n";
}

std::string WorkersPart(const TopSnapshot& now) {
  if (absl::IsUnimplemented(now.fleet_status) || absl::IsFailedPrecondition(now.fleet_status)) {
    return "workers: this target is a worker, not a coordinator";
  }
  if (!now.fleet_status.ok()) {
    return absl::StrCat("workers: ", HarmlessLine(now.fleet_status.message()));
  }
  if (now.fleet.workers().empty()) return "workers: none has joined";
  return WorkerTable(now.fleet);
}

std::string CachePart(const TopSnapshot& now) {
  if (!now.cache_status.ok()) {
    return absl::StrCat("cache: ", HarmlessLine(now.cache_status.message()));
  }
  Table table({{"CACHE OF"},
               {"BLOCKS: # USED  P PINNED  = EVICTABLE  . FREE"},
               {"TOKENS", Align::kRight},
               {"HIT RATIO", Align::kRight},
               {"EVICTIONS", Align::kRight},
               {"REGRET", Align::kRight},
               {"GUARANTEED", Align::kRight}});
  for (const v1::WorkerCache& worker : now.cache.workers()) {
    const v1::PrefixStats& prefix = worker.prefix();
    const auto hits = static_cast<double>(prefix.hit_tokens_session() + prefix.hit_tokens_prefix());
    const std::string ratio =
        prefix.query_tokens() == 0
            ? "-"
            : absl::StrFormat("%.1f %%", 100 * hits / static_cast<double>(prefix.query_tokens()));
    for (const v1::TierStats& tier : worker.tiers()) {
      table.AddRow({OrDash(worker.worker()), BlockBar(tier, kBarWidth),
                    Grouped(tier.tokens_resident()), ratio, Grouped(EvictionsOf(worker, tier)),
                    Grouped(RegretOf(worker)), GuaranteedOf(worker, tier)});
    }
  }
  return table.empty() ? "cache: nothing reported yet" : table.ToString();
}

std::string SessionsPart(const TopSnapshot& now) {
  if (!now.sessions_status.ok()) {
    return absl::StrCat("sessions: ", HarmlessLine(now.sessions_status.message()));
  }
  std::vector<v1::Session> sessions(now.sessions.sessions().begin(), now.sessions.sessions().end());
  std::array<int, 5> states = {};
  for (const v1::Session& session : sessions) {
    const int state = session.state();
    if (state >= 0 && state < 5) ++states[static_cast<std::size_t>(state)];
  }
  std::string text = absl::StrCat("sessions: ", sessions.size(),
                                  now.sessions.next_page_token().empty() ? "" : " and more", " (",
                                  states[v1::RUNNING], " running, ", states[v1::IDLE], " idle, ",
                                  states[v1::EXPIRED], " expired, ", states[v1::COLD], " cold)");
  const std::size_t rows = std::min(sessions.size(), kSessionRows);
  std::partial_sort(sessions.begin(), sessions.begin() + static_cast<std::ptrdiff_t>(rows),
                    sessions.end(), [](const v1::Session& a, const v1::Session& b) {
                      return FromProto(a.last_used()) > FromProto(b.last_used());
                    });
  sessions.resize(rows);
  if (rows > 0) absl::StrAppend(&text, "\n", SessionTable(sessions, now.wall));
  return text;
}

}  // namespace

std::optional<TopRates> RatesBetween(const TopSnapshot& before, const TopSnapshot& after) {
  const double seconds = absl::ToDoubleSeconds(after.at - before.at);
  if (seconds <= 0 || !before.cache_status.ok() || !after.cache_status.ok()) return std::nullopt;
  const Counters old = Sum(before.cache);
  const Counters now = Sum(after.cache);
  if (now.stored < old.stored || now.queried < old.queried || now.hit < old.hit ||
      now.removed < old.removed || now.evicted < old.evicted || now.regretted < old.regretted) {
    return std::nullopt;
  }
  const auto rate = [seconds](std::int64_t from, std::int64_t to) {
    return static_cast<double>(to - from) / seconds;
  };
  return TopRates{rate(old.stored, now.stored),   rate(old.queried, now.queried),
                  rate(old.hit, now.hit),         rate(old.removed, now.removed),
                  rate(old.evicted, now.evicted), rate(old.regretted, now.regretted)};
}

std::string TopFrame(const TopSnapshot& now, const std::optional<TopRates>& rates) {
  std::string line = "rates: measured from the second look on";
  if (rates) {
    line = absl::StrFormat(
        "rates, tokens/s: %.1f computed into KV, %.1f of prompts (%.1f found in cache), "
        "%.1f removed, %.1f of them evicted, %.1f computed again because of it",
        rates->stored, rates->queried, rates->hit, rates->removed, rates->evicted,
        rates->regretted);
  }
  return absl::StrCat(WorkersPart(now), "\n\n", CachePart(now), "\n\n", PinsPart(now), line, "\n\n",
                      SessionsPart(now));
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/cache_view.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "cli/harmless_text.h"
#include "cli/table.h"
#include "services/options/byte_size.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

constexpr int kBarWidth = 48;

std::string Word(const std::string& enum_name) {
  return enum_name.empty() ? "unknown" : absl::AsciiStrToLower(enum_name);
}

std::string Share(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) return "-";
  return absl::StrFormat("%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
}

void AppendTier(const v1::TierStats& tier, std::string& text) {
  absl::StrAppend(&text, "\n  ", Word(v1::Tier_Name(tier.tier())), ": ",
                  FormatByteSize(tier.capacity_bytes()), " in ", Grouped(tier.blocks_total()),
                  " blocks, ", Grouped(tier.tokens_resident()), " tokens resident\n    ",
                  BlockBar(tier, kBarWidth), "\n    # ", Grouped(tier.blocks_in_use()),
                  " in use  P ", Grouped(tier.blocks_pinned()),
                  " pinned  = ", Grouped(tier.blocks_evictable()), " evictable  . ",
                  Grouped(tier.blocks_free()), " free\n    stored ", Grouped(tier.tokens_stored()),
                  " tokens since start");
  for (const v1::RemovedTokens& removed : tier.removed()) {
    if (removed.tokens() == 0 && removed.evictions() == 0) continue;
    absl::StrAppend(&text, "\n    removed ", Grouped(removed.tokens()),
                    " tokens: ", Word(v1::RemovalReason_Name(removed.reason())));
    if (removed.evictions() > 0) {
      absl::StrAppend(&text, " (", Grouped(removed.evictions()), " evictions, ",
                      FormatByteSize(removed.bytes()), ")");
    }
  }
}

// What evictions cost, and what more memory would have found.
void AppendInsight(const v1::WorkerCache& cache, std::string& text) {
  std::int64_t regret = 0;
  std::string reasons;
  for (const v1::RegretTokens& row : cache.regret()) {
    regret += row.tokens();
    absl::StrAppend(&reasons, reasons.empty() ? "" : ", ", Grouped(row.tokens()), " ",
                    Word(v1::RemovalReason_Name(row.reason())));
  }
  absl::StrAppend(&text, "\n  regret: ", Grouped(regret),
                  " tokens prefilled again because they had been evicted");
  if (!reasons.empty()) absl::StrAppend(&text, " (", reasons, ")");
  if (cache.regret_overflow_tokens() > 0) {
    absl::StrAppend(&text, "; ", Grouped(cache.regret_overflow_tokens()),
                    " more were forgotten and may have been missed");
  }
  if (cache.expected_hit_ratios().empty()) return;
  absl::StrAppend(&text, "\n  hit ratio of blocks expected of LRU:");
  for (const v1::ExpectedHitRatio& row : cache.expected_hit_ratios()) {
    absl::StrAppend(&text, "  ",
                    absl::StrFormat("%gx %.1f %%", row.capacity(), 100 * row.hit_ratio()));
  }
}

// What sessions are promised, and by whom.
void AppendPins(const v1::WorkerCache& cache, std::string& text) {
  const v1::PinBudget& budget = cache.pin_budget();
  absl::StrAppend(&text, "\n  pins: ", Grouped(budget.guaranteed_tokens()), " of ",
                  Grouped(budget.limit_tokens()), " tokens guaranteed (",
                  Share(budget.guaranteed_tokens(), budget.limit_tokens()),
                  " of the pin budget), ", Grouped(budget.used_tokens()), " of them in use; ",
                  Grouped(budget.lease_expirations()), " leases and ",
                  Grouped(budget.ttl_expirations()), " TTLs ended, ",
                  Grouped(budget.rejections()), " pins refused");
  for (const v1::TenantCache& tenant : cache.tenants()) {
    const bool limited = tenant.kv_quota_tokens() > 0 || tenant.kv_floor_tokens() > 0;
    if (tenant.guaranteed_tokens() == 0 && tenant.retained_sessions() == 0 && !limited) continue;
    absl::StrAppend(&text, "\n    ", HarmlessLine(tenant.tenant()), ": ",
                    Grouped(tenant.guaranteed_sessions()), " guaranteed (",
                    Grouped(tenant.guaranteed_tokens()), " tokens), ",
                    Grouped(tenant.retained_sessions()), " retained");
    if (limited) {
      absl::StrAppend(&text, "; takes ", Grouped(tenant.resident_tokens()), " tokens");
    }
    if (tenant.kv_quota_tokens() > 0) {
      absl::StrAppend(&text, " of a quota of ", Grouped(tenant.kv_quota_tokens()));
    }
    if (tenant.kv_floor_tokens() > 0) {
      absl::StrAppend(&text, ", floor ", Grouped(tenant.kv_floor_tokens()));
    }
  }
}

void AppendHeld(const v1::WorkerCache& cache, std::string& text) {
  if (cache.held().empty()) {
    absl::StrAppend(&text, "\n  no session of yours holds KV here");
    return;
  }
  Table table({{"  SESSION"},
               {"TOKENS", Align::kRight},
               {"BLOCKS", Align::kRight},
               {"SHARED", Align::kRight},
               {"IDLE", Align::kRight}});
  for (const v1::SessionCache& session : cache.held()) {
    table.AddRow({absl::StrCat("  ", session.id()), Grouped(session.held_tokens()),
                  Grouped(session.blocks()), Grouped(session.shared_blocks()),
                  ReadableSeconds(absl::ToDoubleSeconds(FromProto(session.idle())))});
  }
  absl::StrAppend(&text, "\n", table.ToString());
}

}  // namespace

std::string BlockBar(const v1::TierStats& tier, int width) {
  const std::array<std::int64_t, 4> blocks = {tier.blocks_in_use(), tier.blocks_pinned(),
                                              tier.blocks_evictable(), tier.blocks_free()};
  constexpr std::array<char, 4> kMarks = {'#', 'P', '=', '.'};
  std::int64_t total = 0;
  for (const std::int64_t count : blocks) total += std::max<std::int64_t>(count, 0);
  if (total == 0) return "";
  std::array<int, 4> cells = {};
  int used = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i] <= 0) continue;
    const double share = static_cast<double>(blocks[i]) / static_cast<double>(total);
    cells[i] = std::max(1, static_cast<int>(share * width));
    used += cells[i];
  }
  // What rounding left over, or took too much, belongs to the widest state.
  *std::max_element(cells.begin(), cells.end()) += width - used;
  std::string bar = "[";
  for (std::size_t i = 0; i < cells.size(); ++i) {
    bar.append(static_cast<std::size_t>(std::max(0, cells[i])), kMarks[i]);
  }
  return bar + "]";
}

std::string CacheText(const v1::WorkerCache& cache, bool sessions) {
  std::string text =
      absl::StrCat("worker ", HarmlessLine(OrDash(cache.worker())), ", model ",
                   HarmlessLine(OrDash(cache.model())), ", policy ",
                   HarmlessLine(OrDash(cache.policy())), ", ", cache.block_tokens(),
                   " tokens a block, ", FormatByteSize(cache.bytes_per_token()), " a token");
  for (const v1::TierStats& tier : cache.tiers()) AppendTier(tier, text);
  const v1::PrefixStats& prefix = cache.prefix();
  const std::int64_t queried = prefix.query_tokens();
  absl::StrAppend(
      &text, "\n  hits: ", Share(prefix.hit_tokens_session() + prefix.hit_tokens_prefix(), queried),
      " of ", Grouped(queried), " prompt tokens (session ",
      Share(prefix.hit_tokens_session(), queried), ", prefix ",
      Share(prefix.hit_tokens_prefix(), queried), ")\n  sessions hold ",
      Grouped(cache.sessions().tokens_held()), " tokens");
  if (cache.has_pin_budget()) AppendPins(cache, text);
  AppendInsight(cache, text);
  if (sessions) AppendHeld(cache, text);
  return text;
}

std::string CachesText(const v1::GetCacheStatsResponse& response, bool sessions) {
  std::string text;
  for (const v1::WorkerCache& cache : response.workers()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n\n", CacheText(cache, sessions));
  }
  if (response.workers_size() > 1) {
    absl::StrAppend(&text, "\n\nall ", response.workers_size(), " workers");
    for (const v1::TierStats& tier : response.total()) AppendTier(tier, text);
  }
  return text;
}

}  // namespace pintle

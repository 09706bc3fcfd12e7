// SPDX-License-Identifier: Apache-2.0
#include "cli/event_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/harmless_text.h"
#include "cli/table.h"
#include "services/options/byte_size.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

std::string Word(const std::string& enum_name) {
  return enum_name.empty() ? "unknown" : absl::AsciiStrToLower(enum_name);
}

std::string Count(long long count, const char* noun) {
  return absl::StrCat(Grouped(count), " ", noun, count == 1 ? "" : "s");
}

std::string Span(const google::protobuf::Duration& span) {
  return ReadableSeconds(absl::ToDoubleSeconds(FromProto(span)));
}

// "tea (acme)", "a one-shot (acme)", "somebody else".
std::string Who(const std::string& session, const std::string& tenant) {
  if (tenant.empty()) return "somebody else";
  return absl::StrCat(session.empty() ? "no session" : HarmlessLine(session), " (",
                      HarmlessLine(tenant), ")");
}

std::string OwnersOf(const v1::EvictionCandidate& victim) {
  std::string names;
  for (const std::string& session : victim.sessions()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", HarmlessLine(session));
  }
  if (names.empty()) {
    return victim.tenant().empty() && victim.holders() > 0 ? "somebody else" : "no session";
  }
  const int more = victim.holders() - victim.sessions_size();
  return more > 0 ? absl::StrCat(names, " and ", more, " more") : names;
}

std::string Shortfall(const v1::ExplainEvictionResponse& explanation) {
  std::string text = absl::StrCat(
      Count(explanation.blocks_short(), "block"),
      " cannot be had now, so nothing would go: ", Grouped(explanation.blocks_in_use()),
      " are in use by running turns");
  if (explanation.blocks_pinned() > 0) {
    absl::StrAppend(&text, " and ", Grouped(explanation.blocks_pinned()), " are pinned");
  }
  if (explanation.blocks_floored() > 0) {
    absl::StrAppend(&text, ", up to ", Grouped(explanation.blocks_floored()),
                    " are kept by the floors of other tenants");
  }
  return text + ".";
}

// "3 sessions hold guarantees that keep 96 blocks (3,072 tokens) from being evicted: ..."
std::string Guarantees(const v1::ExplainEvictionResponse& explanation) {
  const long long sessions = explanation.blockers_size() + explanation.blockers_unnamed();
  if (sessions == 0) return "";
  std::string text = absl::StrCat(
      "\n", Count(sessions, "session"), sessions == 1 ? " holds a guarantee" : " hold guarantees",
      " that no policy overrides; ", Count(explanation.blocks_pinned(), "block"), " (",
      Count(explanation.blocks_pinned() * explanation.block_tokens(), "token"), ") ",
      explanation.blocks_pinned() == 1 ? "stays" : "stay", " because of that: ");
  for (int i = 0; i < explanation.blockers_size(); ++i) {
    const v1::EvictionBlocker& blocker = explanation.blockers(i);
    absl::StrAppend(&text, i == 0 ? "" : ";\n  ", Count(blocker.blocks(), "block"), " of ",
                    Who(blocker.session(), blocker.tenant()), ", promised ",
                    Count(blocker.budget_tokens(), "token"));
    if (blocker.has_lease_left()) {
      absl::StrAppend(&text, " for ", Span(blocker.lease_left()), " more unless a turn comes");
    } else {
      absl::StrAppend(&text, ", a turn of it runs");
    }
  }
  if (explanation.blockers_unnamed() > 0) {
    absl::StrAppend(&text, ";\n  and of ", Count(explanation.blockers_unnamed(), "session"),
                    " more");
  }
  return text + ".";
}

}  // namespace

std::string EventLine(const v1::CacheEvent& event) {
  std::string line = absl::StrCat(
      absl::FormatTime("%H:%M:%E3S", FromProto(event.at()), absl::LocalTimeZone()), " ",
      Word(v1::CacheEventKind_Name(event.kind())), " ", Count(event.tokens(), "token"), " of ",
      Who(event.session(), event.tenant()), " at ", Grouped(event.first_position()), ", ",
      Word(v1::Tier_Name(event.tier())));
  if (event.kind() == v1::MOVED) {
    absl::StrAppend(&line, " to ", Word(v1::Tier_Name(event.to_tier())));
  }
  if (event.kind() == v1::REMOVED || event.kind() == v1::EVICTED) {
    absl::StrAppend(&line, ": ", Word(v1::RemovalReason_Name(event.reason())));
  }
  if (event.has_eviction()) {
    const v1::EvictionRecord& record = event.eviction();
    absl::StrAppend(&line, ", for ",
                    Who(record.on_behalf_of_session(), record.on_behalf_of_tenant()), " by ",
                    HarmlessLine(record.policy()), "; idle ", Span(record.idle()), ", age ",
                    Span(record.age()), ", used again ", Count(record.reuse_count(), "time"));
  }
  return line;
}

std::vector<std::string> WatchLines(const v1::WatchCacheEventsResponse& response) {
  std::vector<std::string> lines;
  if (response.has_snapshot()) {
    const v1::WorkerCache& cache = response.snapshot().cache();
    std::string line = absl::StrCat("from event ", response.sequence(), " on: worker ",
                                    HarmlessLine(OrDash(cache.worker())), ", policy ",
                                    HarmlessLine(OrDash(cache.policy())));
    for (const v1::TierStats& tier : cache.tiers()) {
      absl::StrAppend(&line, "; ", Word(v1::Tier_Name(tier.tier())), " ",
                      Grouped(tier.tokens_resident()), " tokens resident, ",
                      Grouped(tier.blocks_free()), " of ", Grouped(tier.blocks_total()),
                      " blocks free");
    }
    lines.push_back(std::move(line));
  } else if (response.has_gap()) {
    const v1::CacheGap& gap = response.gap();
    lines.push_back(
        gap.first_missing() == 0
            ? std::string("events are missing: the worker was another process")
            : absl::StrCat("events ", gap.first_missing(), " to ", gap.last_missing(),
                           " are missing: they were overwritten before they were read"));
  }
  for (const v1::CacheEvent& event : response.events().events()) lines.push_back(EventLine(event));
  return lines;
}

std::string ExplanationText(const v1::ExplainEvictionResponse& explanation, long long tokens,
                            int rows) {
  std::string text =
      absl::StrCat("To make room for ", Count(tokens, "token"), " (",
                   Count(explanation.blocks_needed(), "block"), " of ", explanation.block_tokens(),
                   ") on ", HarmlessLine(OrDash(explanation.worker())), ", ");
  if (explanation.blocks_short() > 0) {
    return text + Shortfall(explanation) + Guarantees(explanation);
  }
  if (explanation.blocks_evicted() == 0) {
    return absl::StrCat(text, "nothing would go: ", Count(explanation.blocks_free(), "block"),
                        " are free.");
  }
  absl::StrAppend(&text, Count(explanation.blocks_evicted(), "block"), " would go beside ",
                  Grouped(explanation.blocks_free()), " free ones, ",
                  Count(explanation.tokens_evicted(), "token"), " in ",
                  FormatByteSize(explanation.bytes_evicted()));
  const int shown = std::min(rows, explanation.victims_size());
  for (int i = 0; i < shown; ++i) {
    const v1::EvictionCandidate& victim = explanation.victims(i);
    absl::StrAppend(&text, i == 0 ? ": first " : ";\n  then ", Count(victim.tokens(), "token"),
                    " of ", OwnersOf(victim), " at ", Grouped(victim.first_position()),
                    ", because it is ", HarmlessLine(victim.why()));
  }
  const long long more = explanation.blocks_evicted() - shown;
  if (more > 0) absl::StrAppend(&text, ";\n  then ", Count(more, "block"), " more");
  text += ".";
  if (explanation.blocks_reserved() > 0) {
    absl::StrAppend(&text, "\n", Count(explanation.blocks_reserved(), "block"),
                    " of what is free or would go are promised to running turns.");
  }
  return text + Guarantees(explanation);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/top_command.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/message_json.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "pintle/v1/cache.grpc.pb.h"
#include "pintle/v1/fleet.grpc.pb.h"
#include "pintle/v1/sessions.grpc.pb.h"

namespace pintle {
namespace {

// Cache figures are there for everyone, so their error is the frame's; unreachable servers may come
// back while `top` looks on.
absl::Status ErrorOf(const TopSnapshot& now, bool once) {
  return absl::IsUnavailable(now.cache_status) && !once ? absl::OkStatus() : now.cache_status;
}

}  // namespace

void TopCommand::AddFlags(CLI::App& app) {
  app.add_option("--interval", interval_seconds_, "Seconds between two looks")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str();
  app.add_flag("--once", once_, "Two looks an interval apart, one frame, then end");
  app.footer(
      "Examples:\n"
      "  pintle top\n"
      "  pintle top --once --interval 5\n"
      "With --json each frame is one JSON object with the members fleet, cache and sessions.\n");
}

absl::Status TopCommand::Run(CommandContext& context) {
  TopSnapshot before = Look(context);
  PINTLE_RETURN_IF_ERROR(ErrorOf(before, once_));
  if (!once_) PINTLE_RETURN_IF_ERROR(Show(before, std::nullopt, context));
  while (context.terminal.ok()) {
    if (context.connection.interrupt().WaitFor(absl::Seconds(interval_seconds_))) {
      break;  // Ctrl-C is how one leaves a live table: no error.
    }
    const TopSnapshot now = Look(context);
    if (context.connection.interrupt().requested()) break;
    PINTLE_RETURN_IF_ERROR(ErrorOf(now, once_));
    PINTLE_RETURN_IF_ERROR(Show(now, RatesBetween(before, now), context));
    if (once_) break;
    before = now;
  }
  return absl::OkStatus();
}

TopSnapshot TopCommand::Look(CommandContext& context) const {
  TopSnapshot now;
  Connection& connection = context.connection;
  now.at = context.clock.Monotonic();
  now.wall = context.clock.Wall();
  now.cache_status =
      connection.Call(&v1::CacheStats::Stub::GetCacheStats, v1::GetCacheStatsRequest(), &now.cache);
  now.fleet_status =
      connection.Call(&v1::Fleet::Stub::ListWorkers, v1::ListWorkersRequest(), &now.fleet);
  v1::ListSessionsRequest request;
  request.set_page_size(static_cast<int>(limits::kSessionsPageMax));
  now.sessions_status = connection.Call(&v1::Sessions::Stub::ListSessions, request, &now.sessions);
  return now;
}

absl::Status TopCommand::Show(const TopSnapshot& now, const std::optional<TopRates>& rates,
                              CommandContext& context) const {
  if (!context.json) {
    context.terminal.ClearScreen();
    context.terminal.Line(TopFrame(now, rates));
    if (!once_ && !context.terminal.traits().out_is_terminal) context.terminal.Line("");
    return absl::OkStatus();
  }
  PINTLE_ASSIGN_OR_RETURN(const std::string fleet, MessageJson(now.fleet));
  PINTLE_ASSIGN_OR_RETURN(const std::string cache, MessageJson(now.cache));
  PINTLE_ASSIGN_OR_RETURN(const std::string sessions, MessageJson(now.sessions));
  context.terminal.Line(absl::StrCat("{\"fleet\": ", fleet, ",\n\"cache\": ", cache,
                                     ",\n\"sessions\": ", sessions, "}"));
  return absl::OkStatus();
}

}  // namespace pintle

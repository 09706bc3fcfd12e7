// SPDX-License-Identifier: Apache-2.0
#include "cli/cache_command.h"

#include <CLI/CLI.hpp>
#include <string>

#include "cli/cache_view.h"
#include "cli/message_json.h"
#include "contract/status_macros.h"
#include "pintle/v1/cache.grpc.pb.h"

namespace pintle {

void CacheCommand::AddFlags(CLI::App& app) {
  app.add_flag("--sessions", sessions_, "Also which of your sessions hold how much");
  app.footer(
      "Examples:\n"
      "  pintle cache --sessions\n"
      "  pintle cache --json | jq '.total[0].blocksFree'\n");
}

absl::Status CacheCommand::Run(CommandContext& context) {
  v1::GetCacheStatsRequest request;
  request.set_include_sessions(sessions_);
  v1::GetCacheStatsResponse response;
  PINTLE_RETURN_IF_ERROR(
      context.connection.Call(&v1::CacheStats::Stub::GetCacheStats, request, &response));
  if (context.json) {
    PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(response));
    context.terminal.Line(json);
  } else if (response.workers().empty()) {
    context.terminal.Note("no worker has reported a cache yet");
  } else {
    context.terminal.Line(CachesText(response, sessions_));
  }
  return absl::OkStatus();
}

}  // namespace pintle

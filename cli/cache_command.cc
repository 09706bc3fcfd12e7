// SPDX-License-Identifier: Apache-2.0
#include "cli/cache_command.h"

#include <grpcpp/support/sync_stream.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/cache_view.h"
#include "cli/event_view.h"
#include "cli/harmless_text.h"
#include "cli/message_json.h"
#include "contract/status_macros.h"
#include "pintle/v1/cache.grpc.pb.h"

namespace pintle {
namespace {

using Stub = v1::CacheStats::Stub;

absl::Status PrintJson(const google::protobuf::Message& message, CommandContext& context) {
  PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(message));
  context.terminal.Line(json);
  return absl::OkStatus();
}

}  // namespace

CLI::App& CacheCommand::AddAction(CLI::App& app, const char* name, const char* summary,
                                  Action action) {
  CLI::App* sub = app.add_subcommand(name, summary);
  sub->final_callback([this, action] { chosen_ = action; });
  sub->add_option("--worker", worker_, "Whose cache; needed where there are several")
      ->type_name("NAME");
  return *sub;
}

void CacheCommand::AddFlags(CLI::App& app) {
  app.add_flag("--sessions", sessions_, "Also which of your sessions hold how much");
  CLI::App& watch =
      AddAction(app, "watch", "What happens in a cache, as it happens", &CacheCommand::Watch);
  watch.add_option("--limit", limit_, "End after so many events; 0 for no end")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  watch.add_option("--epoch", epoch_, "Go on after --sequence of this epoch");
  watch.add_option("--sequence", sequence_, "The last event seen");
  CLI::App& explain = AddAction(app, "explain", "What would be evicted to make room, and why",
                                &CacheCommand::Explain);
  explain.add_option("--tokens", tokens_, "Room for so many tokens")
      ->required()
      ->check(CLI::PositiveNumber);
  explain.add_option("--rows", rows_, "Show so many of the blocks")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::App& policy = AddAction(app, "policy", "Order evictions by another policy from now on",
                               &CacheCommand::SetPolicy);
  policy.add_option("NAME", policy_, "The policy, such as lru")->required();
  app.require_subcommand(0, 1);
  app.footer(
      "Examples:\n"
      "  pintle cache --sessions\n"
      "  pintle cache --json | jq '.total[0].blocksFree'\n"
      "  pintle cache watch\n"
      "  pintle cache explain --tokens 2048\n"
      "  pintle cache policy lru\n"
      "With --json `watch` prints one JSON object for each message.\n");
}

absl::Status CacheCommand::Run(CommandContext& context) { return (this->*chosen_)(context); }

absl::Status CacheCommand::Show(CommandContext& context) {
  v1::GetCacheStatsRequest request;
  request.set_include_sessions(sessions_);
  v1::GetCacheStatsResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::GetCacheStats, request, &response));
  if (context.json) return PrintJson(response, context);
  if (response.workers().empty()) {
    context.terminal.Note("no worker has reported a cache yet");
  } else {
    context.terminal.Line(CachesText(response, sessions_));
    if (!response.next_page_token().empty()) {
      context.terminal.Note("there are more sessions than one page holds");
    }
  }
  return absl::OkStatus();
}

absl::Status CacheCommand::Watch(CommandContext& context) {
  v1::WatchCacheEventsRequest request;
  request.set_worker(worker_);
  request.set_epoch(epoch_);
  request.set_sequence(sequence_);
  grpc::ClientContext call;
  context.connection.Prepare(absl::InfiniteDuration(), call);
  const Interrupt::Watch watch(context.connection.interrupt(), [&call] { call.TryCancel(); });
  Stub stub(context.connection.channel());
  const std::unique_ptr<grpc::ClientReader<v1::WatchCacheEventsResponse>> reader =
      stub.WatchCacheEvents(&call, request);
  v1::WatchCacheEventsResponse response;
  std::int64_t seen = 0;
  bool wanted = true;
  while (wanted && reader->Read(&response)) {
    if (context.json) {
      PINTLE_RETURN_IF_ERROR(PrintJson(response, context));
    } else {
      for (const std::string& line : WatchLines(response)) context.terminal.Line(line);
    }
    seen += response.events().events_size();
    wanted = context.terminal.ok() && (limit_ == 0 || seen < limit_);
  }
  call.TryCancel();
  const absl::Status ended = FromGrpcStatus(reader->Finish());
  // Ctrl-C is how one leaves a live view: no error.
  return !wanted || context.connection.interrupt().requested() ? absl::OkStatus() : ended;
}

absl::Status CacheCommand::Explain(CommandContext& context) {
  v1::ExplainEvictionRequest request;
  request.set_worker(worker_);
  request.set_tokens_needed(tokens_);
  v1::ExplainEvictionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::ExplainEviction, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(ExplanationText(response, tokens_, rows_));
  return absl::OkStatus();
}

absl::Status CacheCommand::SetPolicy(CommandContext& context) {
  v1::SetEvictionPolicyRequest request;
  request.set_worker(worker_);
  request.set_policy(policy_);
  v1::SetEvictionPolicyResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::SetEvictionPolicy, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(absl::StrCat("evictions are ordered by ", HarmlessLine(policy_),
                                     " now; before it was ",
                                     HarmlessLine(response.previous_policy())));
  return absl::OkStatus();
}

}  // namespace pintle

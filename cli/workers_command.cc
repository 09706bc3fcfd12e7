// SPDX-License-Identifier: Apache-2.0
#include "cli/workers_command.h"

#include <CLI/CLI.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "cli/message_json.h"
#include "cli/worker_view.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "pintle/v1/fleet.grpc.pb.h"

namespace pintle {
namespace {

constexpr absl::Duration kWaitDefault = absl::Seconds(60);
// Workers report twice a second; asking more often only costs.
constexpr absl::Duration kPoll = absl::Milliseconds(100);

absl::StatusOr<v1::ListWorkersResponse> ListWorkers(CommandContext& context) {
  v1::ListWorkersResponse response;
  PINTLE_RETURN_IF_ERROR(
      context.connection.Call(&v1::Fleet::Stub::ListWorkers, v1::ListWorkersRequest(), &response));
  return response;
}

// A coordinator that is still starting, or too slow for one poll.
bool MayGetBetter(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

void WorkersCommand::AddFlags(CLI::App& app) {
  app.add_option("--wait", wait_, "Return once this many workers are ready; 60 s without --timeout")
      ->check(CLI::Range(0, static_cast<int>(limits::kWorkers)))
      ->type_name("N");
  app.footer(
      "Examples:\n"
      "  pintle workers\n"
      "  pintle workers --wait 2 --timeout 30\n");
}

absl::Status WorkersCommand::Run(CommandContext& context) {
  absl::StatusOr<v1::ListWorkersResponse> response =
      wait_ ? Wait(*wait_, context) : ListWorkers(context);
  PINTLE_RETURN_IF_ERROR(response.status());
  if (context.json) {
    PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(*response));
    context.terminal.Line(json);
  } else if (response->workers().empty()) {
    context.terminal.Note("no worker has joined; start one with --coordinator");
  } else {
    context.terminal.Line(WorkerTable(*response));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ListWorkersResponse> WorkersCommand::Wait(int wanted,
                                                             CommandContext& context) const {
  const absl::Duration given = context.connection.timeout();
  const absl::Duration limit = given == absl::InfiniteDuration() ? kWaitDefault : given;
  const absl::Duration end = context.clock.Monotonic() + limit;
  int ready = 0;
  while (true) {
    absl::StatusOr<v1::ListWorkersResponse> response = ListWorkers(context);
    if (response.ok()) {
      ready = ReadyWorkers(*response);
      if (ready >= wanted) return response;
    } else if (!MayGetBetter(response.status())) {
      return response;
    }
    if (context.clock.Monotonic() >= end) {
      return absl::DeadlineExceededError(absl::StrCat(
          ready, " of ", wanted, " workers are ready after ", absl::FormatDuration(limit)));
    }
    if (context.connection.interrupt().WaitFor(kPoll)) {
      return absl::CancelledError("interrupted while waiting for workers");
    }
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/worker_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "cli/table.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

std::string StateWord(v1::WorkerState state) {
  const std::string& name = v1::WorkerState_Name(state);
  return name.empty() || state == v1::WORKER_STATE_UNSPECIFIED ? "unknown"
                                                               : absl::AsciiStrToLower(name);
}

std::string Count(bool known, long long number) { return known ? Grouped(number) : "?"; }
std::string Rate(bool known, double rate) { return known ? absl::StrFormat("%.1f", rate) : "?"; }

std::string Span(const google::protobuf::Duration& duration) {
  return ReadableSeconds(absl::ToDoubleSeconds(FromProto(duration)));
}

}  // namespace

std::string WorkerTable(const v1::ListWorkersResponse& response) {
  Table table({{"WORKER"},
               {"STATE"},
               {"MODEL"},
               {"RUNNING", Align::kRight},
               {"WAITING", Align::kRight},
               {"PREFILL/S", Align::kRight},
               {"DECODE/S", Align::kRight},
               {"KV FREE", Align::kRight},
               {"EVICTABLE", Align::kRight},
               {"CAPACITY", Align::kRight},
               {"SESSIONS", Align::kRight},
               {"REPORTED", Align::kRight},
               {"UP", Align::kRight},
               {"VERSION"}});
  for (const v1::Worker& worker : response.workers()) {
    table.AddRow({OrDash(worker.id()), StateWord(worker.state()), OrDash(worker.model()),
                  Count(worker.has_turns_running(), worker.turns_running()),
                  Count(worker.has_turns_waiting(), worker.turns_waiting()),
                  Rate(worker.has_prefill_tokens_per_second(), worker.prefill_tokens_per_second()),
                  Rate(worker.has_decode_tokens_per_second(), worker.decode_tokens_per_second()),
                  Count(worker.has_kv_tokens_free(), worker.kv_tokens_free()),
                  Count(worker.has_kv_tokens_evictable(), worker.kv_tokens_evictable()),
                  Count(worker.has_kv_tokens_capacity(), worker.kv_tokens_capacity()),
                  Grouped(worker.sessions()), absl::StrCat(Span(worker.since_report()), " ago"),
                  Span(worker.uptime()), OrDash(worker.version())});
  }
  return table.ToString();
}

int ReadyWorkers(const v1::ListWorkersResponse& response) {
  return static_cast<int>(
      std::count_if(response.workers().begin(), response.workers().end(),
                    [](const v1::Worker& worker) { return worker.state() == v1::READY; }));
}

}  // namespace pintle

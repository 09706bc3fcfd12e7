// SPDX-License-Identifier: Apache-2.0
#include "cli/simulate_command.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/hit_ratio_plot.h"
#include "cli/table.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "worker/laboratory/simulation.h"
#include "worker/laboratory/trace_generator.h"
#include "worker/laboratory/trace_reader.h"

namespace pintle {
namespace {

using laboratory::SimulationPoint;

// More threads than replays at work at once would only hold memory.
constexpr std::int32_t kThreadsMax = 64;

struct SimulateFlags {
  std::string trace;
  std::string generate;
  std::string save;
  std::string policy = "all";
  std::string capacity = "0.01,0.02,0.05,0.10,0.20,0.50";
  std::string plot;
  std::int32_t threads =
      std::clamp(static_cast<std::int32_t>(std::thread::hardware_concurrency()), 1, kThreadsMax);
  bool json = false;
};

void AddSimulateFlags(CLI::App& app, SimulateFlags& flags) {
  CLI::Option* trace = app.add_option(
      "--trace", flags.trace, "JSON lines of {timestamp, hash_ids}; - reads standard input");
  app.add_option("--generate", flags.generate,
                 "Draw a trace instead: SEED or SEED:KIND, KIND one of chat (the default), agents, "
                 "documents, bursts, scans, sessions")
      ->excludes(trace);
  app.add_option("--save", flags.save, "Write the generated trace to this file")
      ->excludes(trace);
  app.add_option("--policy", flags.policy,
                 "all, or a list of names; belady is the bound that knows the future")
      ->capture_default_str();
  app.add_option("--capacity", flags.capacity,
                 "List: with a decimal point a fraction of the trace's unique blocks, else blocks")
      ->capture_default_str();
  app.add_option("--plot", flags.plot, "Write an SVG of hit ratio by capacity to this file");
  app.add_option("--threads", flags.threads, "Replays at once")
      ->check(CLI::Range(1, kThreadsMax))
      ->capture_default_str();
  app.add_flag("--json", flags.json,
               "A list of {policy, capacity_blocks, hit_ratio} on standard output");
  app.footer(
      "Examples:\n"
      "  pintle simulate --trace trace.jsonl --plot hits.svg\n"
      "  pintle simulate --generate 7:chat --policy lru,session_aware --capacity 0.02,4096\n");
}

absl::StatusOr<laboratory::Trace> Generated(const std::string& text) {
  const std::size_t colon = text.find(':');
  std::uint64_t seed = 0;
  if (!absl::SimpleAtoi(text.substr(0, colon), &seed)) {
    return InvalidField("--generate", absl::StrCat("is ", text, ", not SEED or SEED:KIND"));
  }
  const std::string kind = colon == std::string::npos ? "chat" : text.substr(colon + 1);
  if (kind == "sessions") return laboratory::GenerateSessions(laboratory::SessionLoad{}, seed);
  PINTLE_ASSIGN_OR_RETURN(const laboratory::WorkloadShape shape, laboratory::ShapeOf(kind));
  return laboratory::GenerateTrace(shape, seed);
}

absl::StatusOr<laboratory::Trace> Load(const std::string& path) {
  if (path == "-") return laboratory::ReadTrace(std::cin);
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::NotFoundError(absl::StrCat("--trace ", path, " cannot be opened"));
  return laboratory::ReadTrace(in);
}

absl::Status Write(const char* flag, const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (out) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(flag, " ", path, " cannot be written"));
}

absl::Status WriteSaved(const std::string& path, const laboratory::Trace& trace) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  laboratory::WriteTrace(trace, out);
  out.close();
  if (out) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("--save ", path, " cannot be written"));
}

void PrintJson(const std::vector<SimulationPoint>& points, std::ostream& out) {
  nlohmann::json list = nlohmann::json::array();
  for (const SimulationPoint& point : points) {
    list.push_back({{"policy", point.policy},
                    {"capacity_blocks", point.capacity_blocks},
                    {"hit_ratio", point.hit_ratio}});
  }
  out << list.dump(1) << '\n';
}

void PrintTable(const std::vector<SimulationPoint>& points, std::size_t capacities,
                const laboratory::Trace& trace, std::ostream& out) {
  std::vector<Column> columns = {{"policy"}};
  for (std::size_t i = 0; i < capacities; ++i) {
    columns.push_back({Grouped(points[i].capacity_blocks), Align::kRight});
  }
  Table table(columns);
  for (std::size_t row = 0; row < points.size(); row += capacities) {
    std::vector<std::string> cells = {points[row].policy};
    for (std::size_t i = 0; i < capacities; ++i) {
      cells.push_back(absl::StrFormat("%.4f", points[row + i].hit_ratio));
    }
    table.AddRow(std::move(cells));
  }
  out << Grouped(trace.requests()) << " requests, " << Grouped(trace.references())
      << " blocks referenced, " << Grouped(trace.unique_blocks())
      << " unique; hit ratio by capacity in blocks:\n"
      << table.ToString() << '\n';
}

absl::Status Simulate(const SimulateFlags& flags, std::ostream& out, std::ostream* progress) {
  if (flags.trace.empty() && flags.generate.empty()) {
    return absl::InvalidArgumentError("give --trace FILE or --generate SEED");
  }
  PINTLE_ASSIGN_OR_RETURN(
      const laboratory::Trace trace,
      flags.generate.empty() ? Load(flags.trace) : Generated(flags.generate));
  if (!flags.save.empty()) PINTLE_RETURN_IF_ERROR(WriteSaved(flags.save, trace));
  PINTLE_ASSIGN_OR_RETURN(const auto policies, laboratory::ParsePolicies(flags.policy));
  PINTLE_ASSIGN_OR_RETURN(const auto capacities,
                          laboratory::ParseCapacities(flags.capacity, trace.unique_blocks()));
  laboratory::SimulationProgress tell;
  if (progress != nullptr) {
    tell = [&](std::int32_t done, std::int32_t of) {
      *progress << "\r" << done << " of " << of << " replays" << (done == of ? "\n" : "")
                << std::flush;
    };
  }
  PINTLE_ASSIGN_OR_RETURN(const auto points, laboratory::Simulate(trace, policies, capacities,
                                                                  flags.threads, tell));
  if (flags.json) {
    PrintJson(points, out);
  } else {
    PrintTable(points, capacities.size(), trace, out);
  }
  out.flush();
  if (!flags.plot.empty()) {
    const std::string title =
        flags.generate.empty() ? "Hit ratio by capacity"
                               : absl::StrCat("Hit ratio by capacity, generated trace ",
                                              flags.generate);
    PINTLE_RETURN_IF_ERROR(
        Write("--plot", flags.plot, HitRatioPlot(points, trace.unique_blocks(), title)));
  }
  return out ? absl::OkStatus() : absl::UnavailableError("standard output took no more");
}

// Faulty flags are the caller's to change at once; all else is about files.
bool IsUsage(const absl::Status& status) {
  const auto detail = DetailOf(status);
  if (!detail || detail->fields.empty()) return status.code() == absl::StatusCode::kInvalidArgument;
  return detail->fields[0].field != "trace";
}

}  // namespace

int RunSimulateOn(int argc, const char* const* argv, std::ostream& out, std::ostream& err,
                  std::ostream* progress) {
  CLI::App app{"Replays a trace of requests through the cache's eviction policies.",
               "pintle simulate"};
  SimulateFlags flags;
  AddSimulateFlags(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; they end here. Its own codes are above 100 and mean the same.
    return app.exit(error, out, err) == 0 ? 0 : 2;
  }
  const absl::Status done = Simulate(flags, out, progress);
  if (done.ok()) return 0;
  err << "pintle simulate: " << done.message() << '\n';
  return IsUsage(done) ? 2 : 1;
}

int RunSimulate(int argc, char** argv) {
  return RunSimulateOn(argc, argv, std::cout, std::cerr,
                       isatty(STDERR_FILENO) == 1 ? &std::cerr : nullptr);
}

}  // namespace pintle

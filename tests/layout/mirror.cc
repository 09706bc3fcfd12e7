// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/mirror.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "tests/layout/function_scan.h"

namespace pintle::layout {
namespace {

constexpr std::array<std::string_view, 6> kRooms = {"contract", "sessions",    "services",
                                                    "worker",   "coordinator", "cli"};

bool IsUnit(std::string_view path) {
  return IsCpp(path) && std::any_of(kRooms.begin(), kRooms.end(),
                                    [path](std::string_view room) { return IsBelow(path, room); });
}

bool HasCodeToTest(const SourceFile& file) {
  if (file.path.ends_with(".cc")) return true;
  const std::vector<FunctionSpan> functions = FunctionsOf(file.text);
  return std::any_of(functions.begin(), functions.end(),
                     [](const FunctionSpan& function) { return function.lines > 1; });
}

// "worker/model/gemm_avx512_bf16" -> "worker/model/gemm"; the same for a unit of no instruction
// set.
std::string WithoutIsa(const std::string& unit) {
  static constexpr std::array<std::string_view, 5> kIsas = {"_generic", "_avx2", "_avx512",
                                                            "_avx512_bf16", "_amx"};
  for (const std::string_view isa : kIsas) {
    if (unit.ends_with(isa)) return unit.substr(0, unit.size() - isa.size());
  }
  return unit;
}

}  // namespace

const MirrorExceptions& KnownExceptions() {
  static const MirrorExceptions kExceptions = {
      // Wiring of rooms, tested as real processes by tests/e2e.
      {"cli/serve_command", "tests/e2e/test_stranger.py serves with it"},
      {"coordinator/process/coordinator_process", "every test of tests/e2e runs it"},
      {"coordinator/process/fleet_connector", "tests/e2e/test_turns.py asks caches through it"},
      {"worker/process/disk_tier", "tests/e2e/test_disk_tier.py: workers stopped and killed"},
      {"worker/process/torch_model", "tests/e2e/test_stranger.py loads the real model with it"},
      {"worker/process/worker_cache_source", "tests/e2e/test_turns.py checks what it answers"},
      {"worker/process/worker_main", "tests/e2e/test_failures.py: flags, signals, exit codes"},
      {"worker/process/worker_process", "every test of tests/e2e runs it"},
      {"services/registry/registration_loop", "tests/e2e/test_failures.py: join, leave, silence"},
      // Two halves of one thing, tested where they meet.
      {"services/execution/remote_worker",
       "execution_service_test talks to the service through it"},
      {"worker/model/cpu/kernels_attention",
       "kernels_test runs it with every instruction set's table"},
      {"worker/model/cpu/kernels_softmax",
       "kernels_test runs it with every instruction set's table"},
      {"worker/model/cpu/kernels_groups",
       "kernels_bytes_test runs it with every instruction set's table"},
      {"worker/model/cpu/kernels_tile", "kernels_test runs it with every instruction set's table"},
      {"services/execution/remote_session_kv",
       "tests/e2e/test_sessions.py moves sessions through it"},
      {"services/sessions/export_call", "sessions_service_test talks to the service through it"},
      {"services/sessions/import_call", "sessions_service_test talks to the service through it"},
      {"cli/session_transfer", "tests/e2e/test_sessions.py: the tool's export and import"},
      {"worker/text/text_errors", "chat_renderer_test and hf_text_model_test assert its statuses"},
      {"worker/text/tokenizer_handle", "hf_text_model_test reaches all of it"},
      // Plain data.
      {"worker/model/seam/step_batch", "a struct with a Clear"},
  };
  return kExceptions;
}

Violations MissingTests(const std::vector<SourceFile>& files, const MirrorExceptions& exceptions) {
  std::set<std::string> units, tests;
  for (const SourceFile& file : files) {
    const std::string unit = (FolderOf(file.path) + "/").append(StemOf(file.path));
    if (IsBelow(file.path, "tests") && unit.ends_with("_test")) {
      tests.insert(unit.substr(6, unit.size() - 11));
    } else if (IsUnit(file.path) && StemOf(file.path) != "main" && HasCodeToTest(file)) {
      units.insert(unit);
    }
  }
  Violations wrong;
  for (const std::string& unit : units) {
    if (tests.contains(unit) || tests.contains(WithoutIsa(unit)) || exceptions.contains(unit)) {
      continue;
    }
    wrong.push_back("tests/" + unit + "_test.cc:1: missing");
  }
  for (const auto& [unit, reason] : exceptions) {
    if (!units.contains(unit) || tests.contains(unit)) {
      wrong.push_back("tests/layout/mirror.cc:1: " + unit + " needs no exception any more");
    }
  }
  return wrong;
}

}  // namespace pintle::layout

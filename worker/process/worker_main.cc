// SPDX-License-Identifier: Apache-2.0
#include "worker/process/worker_main.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>
#include <utility>

#include "contract/clock.h"
#include "services/host/stop_signal.h"
#include "worker/process/worker_options.h"
#include "worker/process/worker_process.h"

namespace pintle {
namespace {

int Fail(const char* name, const absl::Status& status) {
  std::fprintf(stderr, "%s: %s\n", name, std::string(status.message()).c_str());
  return 1;
}

int Run(const char* name, const WorkerOptions& options, const ModelLoader& load) {
  if (absl::Status valid = options.Validate(); !valid.ok()) return Fail(name, valid);
  // Before any thread starts, so that all inherit the mask and only Wait sees the signals.
  StopSignal stop;
  absl::StatusOr<ModelParts> model = load(options);
  if (!model.ok()) {
    std::fprintf(stderr, "%s: --model %s: %s\n", name, options.model.c_str(),
                 std::string(model.status().message()).c_str());
    return 1;
  }
  SystemClock clock;
  auto worker = WorkerProcess::Start(options, *std::move(model), clock);
  if (!worker.ok()) return Fail(name, worker.status());
  std::printf("listening on %s\n", (*worker)->address().c_str());
  if (!(*worker)->metrics_address().empty()) {
    std::printf("metrics on %s\n", (*worker)->metrics_address().c_str());
  }
  std::fflush(stdout);
  stop.Wait();
  (*worker)->Drain(absl::Seconds(options.server.grace_seconds));
  return 0;
}

}  // namespace

int WorkerMain(int argc, char** argv, const char* name, const ModelLoader& load) {
  CLI::App app{"Runs one model: generation, sessions and their KV cache over gRPC.", name};
  WorkerOptions options;
  options.server.listen = "127.0.0.1:50052";
  AddServerFlags(app, options.server);
  AddWorkerFlags(app, options, /*cluster=*/true);
  AddEnvironmentAndConfig(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; they end here. Its own codes are above 100 and mean the same.
    return app.exit(error) == 0 ? 0 : 2;
  }
  return Run(name, options, load);
}

}  // namespace pintle

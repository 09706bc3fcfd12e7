// SPDX-License-Identifier: Apache-2.0
#include "cli/serve_command.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/clock.h"
#include "contract/status_macros.h"
#include "coordinator/process/coordinator_process.h"
#include "services/host/stop_signal.h"
#include "worker/process/torch_model.h"
#include "worker/process/worker_options.h"
#include "worker/process/worker_process.h"

namespace pintle {
namespace {

// The two halves find each other on loopback, whatever the coordinator listens on.
absl::Status Serve(const WorkerOptions& options) {
  PINTLE_RETURN_IF_ERROR(options.Validate());
  if (!options.server.tls_cert.empty()) {
    return absl::InvalidArgumentError(
        "serve has no TLS: its halves talk over loopback, where no certificate fits; run "
        "pintle-coordinator and pintle-worker with --tls-cert instead");
  }
  // Before any thread starts, so that all inherit the mask and only Wait sees the signals.
  StopSignal stop;
  const SystemClock clock;
  CoordinatorOptions coordinator_options;
  coordinator_options.server = options.server;
  coordinator_options.server.metrics_listen.clear();
  absl::StatusOr<ModelParts> model = LoadTorchModel(options);
  if (!model.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--model ", options.model, ": ", model.status().message()));
  }
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<CoordinatorProcess> coordinator,
                          CoordinatorProcess::Start(coordinator_options, clock));
  WorkerOptions worker_options = options;
  worker_options.server.listen = "127.0.0.1:0";
  worker_options.server.health_listen.clear();
  worker_options.coordinators = {coordinator->address()};
  worker_options.name = "local";
  PINTLE_ASSIGN_OR_RETURN(const std::unique_ptr<WorkerProcess> worker,
                          WorkerProcess::Start(worker_options, *std::move(model), clock));
  std::printf("listening on %s\n", coordinator->address().c_str());
  if (!worker->metrics_address().empty()) {
    std::printf("metrics on %s\n", worker->metrics_address().c_str());
  }
  std::fflush(stdout);
  stop.Wait();
  const absl::Duration grace = absl::Seconds(options.server.grace_seconds);
  worker->Drain(grace);
  coordinator->Drain(grace);
  return absl::OkStatus();
}

}  // namespace

int RunServe(int argc, char** argv) {
  CLI::App app{"Serves one model: a coordinator and a worker in one process.", "pintle serve"};
  app.footer("Example: pintle serve --model models/SmolLM2-135M-Instruct --listen 127.0.0.1:50051");
  WorkerOptions options;
  options.server.listen = "127.0.0.1:50051";
  AddServerFlags(app, options.server);
  AddWorkerFlags(app, options, /*cluster=*/false);
  AddEnvironmentAndConfig(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; they end here. Its own codes are above 100 and mean the same.
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status served = Serve(options);
  if (served.ok()) return 0;
  std::fprintf(stderr, "pintle serve: %s\n", std::string(served.message()).c_str());
  return 1;
}

}  // namespace pintle

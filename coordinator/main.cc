// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "contract/clock.h"
#include "coordinator/process/coordinator_options.h"
#include "coordinator/process/coordinator_process.h"
#include "services/host/stop_signal.h"

namespace pintle {
namespace {

int Run(const CoordinatorOptions& options) {
  // Before any thread starts, so that all inherit the mask and only Wait sees the signals.
  StopSignal stop;
  SystemClock clock;
  auto coordinator = CoordinatorProcess::Start(options, clock);
  if (!coordinator.ok()) {
    std::fprintf(stderr, "pintle-coordinator: %s\n",
                 std::string(coordinator.status().message()).c_str());
    return 1;
  }
  std::printf("listening on %s\n", (*coordinator)->address().c_str());
  if (!(*coordinator)->metrics_address().empty()) {
    std::printf("metrics on %s\n", (*coordinator)->metrics_address().c_str());
  }
  std::fflush(stdout);
  stop.Wait();
  (*coordinator)->Drain(absl::Seconds(options.server.grace_seconds));
  return 0;
}

}  // namespace
}  // namespace pintle

int main(int argc, char** argv) {
  CLI::App app{"Routes sessions to workers and keeps their transcripts.", "pintle-coordinator"};
  pintle::CoordinatorOptions options;
  options.server.listen = "127.0.0.1:50051";
  pintle::AddServerFlags(app, options.server);
  pintle::AddCoordinatorFlags(app, options);
  pintle::AddEnvironmentAndConfig(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports by exceptions; they end here. Its own codes are above 100 and mean the same.
    return app.exit(error) == 0 ? 0 : 2;
  }
  return pintle::Run(options);
}

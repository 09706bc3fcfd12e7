// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_WORKERS_COMMAND_H_
#define PINTLE_CLI_WORKERS_COMMAND_H_

#include <optional>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "pintle/v1/fleet.pb.h"

namespace pintle {

// `pintle workers`: the coordinator's fleet; with --wait it is a gate for scripts, which ends when
// enough workers are ready, or DEADLINE_EXCEEDED after --timeout (a minute without it).
class WorkersCommand final : public Command {
 public:
  const char* name() const override { return "workers"; }
  const char* summary() const override { return "The coordinator's workers, or wait for them"; }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  absl::StatusOr<v1::ListWorkersResponse> Wait(int wanted, CommandContext& context) const;

  std::optional<int> wait_;
};

}  // namespace pintle

#endif  // PINTLE_CLI_WORKERS_COMMAND_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_MODELS_COMMAND_H_
#define PINTLE_CLI_MODELS_COMMAND_H_

#include "cli/command.h"

namespace pintle {

// `pintle models`: what the server can generate with.
class ModelsCommand final : public Command {
 public:
  const char* name() const override { return "models"; }
  const char* summary() const override { return "The models served now"; }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;
};

}  // namespace pintle

#endif  // PINTLE_CLI_MODELS_COMMAND_H_

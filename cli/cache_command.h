// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CACHE_COMMAND_H_
#define PINTLE_CLI_CACHE_COMMAND_H_

#include "cli/command.h"

namespace pintle {

// `pintle cache`: what the KV caches hold, found and lost.
class CacheCommand final : public Command {
 public:
  const char* name() const override { return "cache"; }
  const char* summary() const override { return "What the KV caches hold, found and evicted"; }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  bool sessions_ = false;
};

}  // namespace pintle

#endif  // PINTLE_CLI_CACHE_COMMAND_H_

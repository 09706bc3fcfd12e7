// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CACHE_COMMAND_H_
#define PINTLE_CLI_CACHE_COMMAND_H_

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace pintle {

// `pintle cache` and its actions: what the KV caches hold, found and lost, what happens in them,
// what would go next, and by which policy.
class CacheCommand final : public Command {
 public:
  const char* name() const override { return "cache"; }
  const char* summary() const override { return "What the KV caches hold, found and evicted"; }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  using Action = absl::Status (CacheCommand::*)(CommandContext&);

  CLI::App& AddAction(CLI::App& app, const char* name, const char* summary, Action action);
  absl::Status Show(CommandContext& context);
  absl::Status Watch(CommandContext& context);
  absl::Status Explain(CommandContext& context);
  absl::Status SetPolicy(CommandContext& context);

  Action chosen_ = &CacheCommand::Show;
  bool sessions_ = false;
  std::string worker_;
  std::int64_t limit_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t sequence_ = 0;
  std::int64_t tokens_ = 0;
  int rows_ = 10;
  std::string policy_;
};

}  // namespace pintle

#endif  // PINTLE_CLI_CACHE_COMMAND_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TOP_COMMAND_H_
#define PINTLE_CLI_TOP_COMMAND_H_

#include <optional>

#include "cli/command.h"
#include "cli/top_frame.h"

namespace pintle {

// `pintle top`: a live table of workers, cache, rates and sessions; redrawn on a terminal, one
// block after another in a pipe. Ctrl-C ends it without an error. Fails with the first error that
// no waiting cures.
class TopCommand final : public Command {
 public:
  const char* name() const override { return "top"; }
  const char* summary() const override {
    return "Live table of workers, sessions, cache and rates";
  }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  TopSnapshot Look(CommandContext& context) const;
  absl::Status Show(const TopSnapshot& now, const std::optional<TopRates>& rates,
                    CommandContext& context) const;

  double interval_seconds_ = 1;
  bool once_ = false;
};

}  // namespace pintle

#endif  // PINTLE_CLI_TOP_COMMAND_H_

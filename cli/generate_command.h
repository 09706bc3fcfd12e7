// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_GENERATE_COMMAND_H_
#define PINTLE_CLI_GENERATE_COMMAND_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/prompt_flags.h"
#include "cli/turn_flags.h"
#include "cli/turn_record.h"
#include "pintle/v1/inference.pb.h"

namespace pintle {

// `pintle generate`: the answer streams to standard output, its figures go to standard error.
class GenerateCommand final : public Command {
 public:
  const char* name() const override { return "generate"; }
  const char* summary() const override {
    return "Generate from a prompt, alone or as a session's next turn";
  }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  absl::StatusOr<v1::GenerateRequest> BuildRequest() const;
  absl::Status Report(const TurnRecord& turn, CommandContext& context) const;

  PromptFlags prompt_;
  TurnFlags turn_;
  std::string session_;
  std::string request_id_;
  std::string output_json_;
  std::optional<std::int32_t> n_;
  bool quiet_ = false;
};

}  // namespace pintle

#endif  // PINTLE_CLI_GENERATE_COMMAND_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TOKENIZE_COMMAND_H_
#define PINTLE_CLI_TOKENIZE_COMMAND_H_

#include <string>

#include "cli/command.h"
#include "cli/prompt_flags.h"

namespace pintle {

// `pintle tokenize`: ids in the form --tokens takes on standard output, their number beside it.
class TokenizeCommand final : public Command {
 public:
  const char* name() const override { return "tokenize"; }
  const char* summary() const override {
    return "Token ids of a text or a chat, or the text of token ids";
  }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  PromptFlags prompt_;
  std::string model_;
  bool no_generation_prompt_ = false;
};

}  // namespace pintle

#endif  // PINTLE_CLI_TOKENIZE_COMMAND_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CHAT_COMMAND_H_
#define PINTLE_CLI_CHAT_COMMAND_H_

#include <string>

#include "absl/status/statusor.h"
#include "cli/command.h"
#include "cli/turn_flags.h"

namespace pintle {

// `pintle chat`: each line of standard input is a message, the answer streams back. Works over a
// pipe too, where it ends with the first error instead of asking for the next line.
class ChatCommand final : public Command {
 public:
  const char* name() const override { return "chat"; }
  const char* summary() const override { return "Talk with a session, line by line"; }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  absl::Status Open(CommandContext& context);
  absl::Status Create(CommandContext& context);
  // One message and its answer.
  absl::Status Say(const std::string& line, CommandContext& context);
  // A line that begins with "/". Answers whether the conversation goes on.
  absl::StatusOr<bool> Obey(const std::string& line, CommandContext& context);
  absl::Status Reset(CommandContext& context);
  absl::Status ShowStats(CommandContext& context);

  TurnFlags turn_;
  std::string session_;
  std::string system_;
  // Whether the transcript is empty, so that the system message is still to be sent.
  bool fresh_ = false;
  // Whether the session is the command's own, made without a name, and goes with it.
  bool unnamed_ = false;
  std::string last_summary_;
};

}  // namespace pintle

#endif  // PINTLE_CLI_CHAT_COMMAND_H_

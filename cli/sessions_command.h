// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_SESSIONS_COMMAND_H_
#define PINTLE_CLI_SESSIONS_COMMAND_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/command.h"
#include "pintle/v1/sessions.pb.h"

namespace pintle {

// `pintle sessions list|get|create|update|delete|fork|truncate|export|import`.
class SessionsCommand final : public Command {
 public:
  const char* name() const override { return "sessions"; }
  const char* summary() const override {
    return "List, show, make, change, fork, move and delete sessions";
  }
  void AddFlags(CLI::App& app) override;
  absl::Status Run(CommandContext& context) override;

 private:
  using Action = absl::Status (SessionsCommand::*)(CommandContext&);

  CLI::App& AddAction(CLI::App& app, const char* name, const char* summary, Action action);
  void AddPinFlags(CLI::App& app);
  // Fields whose flags were not given stay unset.
  absl::Status FillPin(v1::Pin& pin) const;
  bool HasPinFlags() const;
  absl::Status List(CommandContext& context);
  absl::Status Get(CommandContext& context);
  absl::Status Create(CommandContext& context);
  absl::Status Update(CommandContext& context);
  absl::Status Delete(CommandContext& context);
  absl::Status Fork(CommandContext& context);
  absl::Status Truncate(CommandContext& context);
  absl::Status Export(CommandContext& context);
  absl::Status Import(CommandContext& context);
  void AddMoves(CLI::App& app);

  // The action whose subcommand was parsed.
  Action chosen_ = nullptr;
  std::string id_;
  std::vector<std::string> ids_;
  std::string model_;
  std::string pin_;
  std::string lease_;
  int priority_ = -1;
  std::string ttl_;
  std::int64_t budget_ = 0;
  bool resident_ = false;
  std::string outlook_;
  std::string expected_return_;
  std::vector<std::string> labels_;
  int limit_ = 1000;
  bool transcript_ = false;
  std::string new_id_;
  std::string file_;
  int position_ = -1;
  bool no_kv_ = false;
  bool transcript_only_ = false;
};

}  // namespace pintle

#endif  // PINTLE_CLI_SESSIONS_COMMAND_H_

// SPDX-License-Identifier: Apache-2.0
#include "cli/pintle_app.h"

#include <CLI/CLI.hpp>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cli/cache_command.h"
#include "cli/call_error.h"
#include "cli/chat_command.h"
#include "cli/exit_codes.h"
#include "cli/generate_command.h"
#include "cli/models_command.h"
#include "cli/sessions_command.h"
#include "cli/tokenize_command.h"
#include "cli/top_command.h"
#include "cli/workers_command.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

constexpr char kEverywhere[] = "Flags of every command";

struct GlobalFlags {
  ConnectionFlags connection;
  ColorMode color = ColorMode::kAuto;
  bool json = false;
};

// Shows the flags of every command in each command's help, because --help shall be enough.
class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_footer(const CLI::App* app) const override {
    const std::string footer = Formatter::make_footer(app);
    if (app->get_parent() == nullptr) return footer;
    const CLI::App* root = app;
    while (root->get_parent() != nullptr) root = root->get_parent();
    const auto everywhere = root->get_options(
        [](const CLI::Option* option) { return option->get_group() == kEverywhere; });
    return absl::StrCat(make_group(kEverywhere, false, everywhere), "\n", footer);
  }
};

void AddGlobalFlags(CLI::App& app, GlobalFlags& flags) {
  ConnectionFlags& connection = flags.connection;
  app.add_option("--target", connection.target, "HOST:PORT of a coordinator, or of a lone worker")
      ->envname("PINTLE_TARGET")
      ->capture_default_str();
  app.add_option("--token", connection.token, "Bearer token; --token-file keeps it out of ps")
      ->envname("PINTLE_TOKEN");
  app.add_option("--token-file", connection.token_file, "File with the bearer token")
      ->envname("PINTLE_TOKEN_FILE");
  app.add_flag("--tls", connection.tls, "Encrypt, trusting the system's roots");
  app.add_option("--tls-ca", connection.tls_ca, "Encrypt, trusting the roots in this PEM file")
      ->envname("PINTLE_TLS_CA");
  app.add_option("--timeout", connection.timeout_seconds,
                 "Seconds a call may take; default: none for generate and chat, else 30")
      ->envname("PINTLE_TIMEOUT");
  app.add_flag("--json", flags.json, "JSON on standard output, for scripts");
  const std::map<std::string, ColorMode> modes = {
      {"auto", ColorMode::kAuto}, {"always", ColorMode::kAlways}, {"never", ColorMode::kNever}};
  app.add_option("--color", flags.color,
                 "auto, always or never; auto: on a terminal unless NO_COLOR is set")
      ->transform(CLI::CheckedTransformer(modes).description(""))
      ->type_name("WHEN");
  for (CLI::Option* option : app.get_options()) {
    const std::string name = option->get_name();
    if (name != "--help" && name != "--version") option->group(kEverywhere);
  }
}

std::vector<std::unique_ptr<Command>> ClientCommands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(std::make_unique<GenerateCommand>());
  commands.push_back(std::make_unique<ChatCommand>());
  commands.push_back(std::make_unique<SessionsCommand>());
  commands.push_back(std::make_unique<CacheCommand>());
  commands.push_back(std::make_unique<WorkersCommand>());
  commands.push_back(std::make_unique<TopCommand>());
  commands.push_back(std::make_unique<TokenizeCommand>());
  commands.push_back(std::make_unique<ModelsCommand>());
  return commands;
}

absl::Status RunClient(Command& command, const GlobalFlags& flags, Terminal& terminal,
                       const AppSurroundings& surroundings) {
  // Before the first call makes gRPC's threads, so that they too leave signals to the listener.
  if (surroundings.listen_to_signals) surroundings.interrupt.ListenToSignals();
  PINTLE_ASSIGN_OR_RETURN(const auto connection,
                          Connection::Open(flags.connection, surroundings.interrupt));
  CommandContext context{terminal, *connection, surroundings.clock, surroundings.in, flags.json};
  PINTLE_RETURN_IF_ERROR(command.Run(context));
  if (!terminal.ok()) return LocalError("standard output took no more");
  return absl::OkStatus();
}

int Conclude(const absl::Status& status, const std::string& target, Terminal& terminal) {
  if (!status.ok()) {
    const std::vector<std::string> lines = ErrorLines(status, target);
    terminal.Error(lines[0]);
    for (std::size_t i = 1; i < lines.size(); ++i) terminal.ErrorLine(lines[i]);
  }
  return static_cast<int>(ExitCodeOf(status));
}

}  // namespace

int RunPintle(int argc, char** argv, const std::vector<LocalCommand>& local_commands,
              const AppSurroundings& surroundings) {
  CLI::App app("Pintle: LLM inference whose sessions keep their KV cache.", "pintle");
  const auto formatter = std::make_shared<HelpFormatter>();
  formatter->column_width(34);
  app.formatter(formatter);
  app.set_version_flag("--version", absl::StrCat("pintle ", PINTLE_VERSION));
  app.require_subcommand(1);
  app.fallthrough();
  GlobalFlags flags;
  AddGlobalFlags(app, flags);
  for (const LocalCommand& command : local_commands) {
    if (argc > 1 && absl::string_view(argv[1]) == command.name) {
      return command.run(argc - 1, argv + 1);
    }
    app.add_subcommand(command.name, command.summary);
  }
  const std::vector<std::unique_ptr<Command>> commands = ClientCommands();
  for (const auto& command : commands) {
    command->AddFlags(*app.add_subcommand(command->name(), command->summary()));
  }
  // Last, because commands made later would inherit it.
  app.footer(absl::StrCat("'pintle COMMAND --help' shows a command's flags and examples.\n\n",
                          ExitCodeTable()));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int shown = app.exit(error, surroundings.out, surroundings.err);
    return static_cast<int>(shown == 0 ? ExitCode::kOk : ExitCode::kUsage);
  }
  Terminal terminal(surroundings.out, surroundings.err, TerminalTraits::OfProcess(flags.color));
  for (const auto& command : commands) {
    if (!app.got_subcommand(command->name())) continue;
    return Conclude(RunClient(*command, flags, terminal, surroundings), flags.connection.target,
                    terminal);
  }
  return Conclude(UsageError("write the command first: pintle COMMAND [FLAGS]"), "", terminal);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/generate_command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "cli/input_text.h"
#include "cli/turn_call.h"
#include "cli/turn_report.h"
#include "contract/status_macros.h"

namespace pintle {

void GenerateCommand::AddFlags(CLI::App& app) {
  AddPromptFlags(app, prompt_);
  AddReplaceFlag(app, prompt_);
  app.add_option("--session", session_,
                 "The session whose next turn this is; created if absent. Default: a one-shot")
      ->type_name("ID");
  AddTurnFlags(app, turn_);
  app.add_option("--n", n_, "Choices, 1 to 8; a session keeps the first");
  app.add_option("--request-id", request_id_, "A name for this turn, unique among the running ones")
      ->type_name("ID");
  app.add_option("--output-json", output_json_,
                 "Write what --json prints to a file; the text streams all the same")
      ->type_name("FILE");
  app.add_flag("--quiet", quiet_, "No line of figures on standard error");
  app.footer(
      "Examples:\n"
      "  pintle generate --prompt 'The capital of France is' --max-tokens 8\n"
      "  pintle generate --session tea --chat 'How long should green tea steep?'\n"
      "  pintle generate --messages chat.json --temperature 0 --json | jq -r .text\n"
      "Ctrl-C cancels the turn; a session is then as it was before.\n");
}

absl::StatusOr<v1::GenerateRequest> GenerateCommand::BuildRequest() const {
  v1::GenerateRequest request;
  PINTLE_RETURN_IF_ERROR(FillInput(prompt_, request));
  FillOptions(turn_, request);
  request.set_session(session_);
  request.set_request_id(request_id_);
  if (n_) request.set_n(*n_);
  return request;
}

absl::Status GenerateCommand::Run(CommandContext& context) {
  PINTLE_ASSIGN_OR_RETURN(const v1::GenerateRequest request, BuildRequest());
  bool mid_line = false;
  // Of several choices only the first can stream; the others follow it.
  const auto show = [&](const v1::Chunk& chunk) {
    if (context.json || chunk.choice() != 0 || chunk.text().empty()) return;
    context.terminal.Text(chunk.text());
    mid_line = chunk.text().back() != '\n';
  };
  const absl::StatusOr<TurnRecord> turn = RunTurn(request, context.connection, context.clock, show);
  if (mid_line) context.terminal.Text("\n");
  PINTLE_RETURN_IF_ERROR(turn.status());
  return Report(*turn, context);
}

absl::Status GenerateCommand::Report(const TurnRecord& turn, CommandContext& context) const {
  const std::string json = TurnJson(turn, session_);
  if (context.json) {
    context.terminal.Line(json);
  } else {
    for (const auto& [index, choice] : turn.choices()) {
      if (index == 0) continue;
      context.terminal.Line(context.terminal.Bold(absl::StrCat("[choice ", index, "]")));
      context.terminal.Text(absl::StrCat(choice.text, "\n"));
    }
    if (!quiet_) context.terminal.Note(TurnSummary(turn));
  }
  if (output_json_.empty()) return absl::OkStatus();
  return WriteOutputFile("--output-json", output_json_, absl::StrCat(json, "\n"));
}

}  // namespace pintle

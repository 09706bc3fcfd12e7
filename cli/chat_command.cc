// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_command.h"

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/call_error.h"
#include "cli/chat_messages.h"
#include "cli/exit_codes.h"
#include "cli/harmless_text.h"
#include "cli/table.h"
#include "cli/turn_call.h"
#include "cli/turn_report.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "pintle/v1/sessions.grpc.pb.h"

namespace pintle {
namespace {

using Stub = v1::Sessions::Stub;

constexpr char kHelp[] =
    "/help   this list\n"
    "/stats  the last turn's figures and the session's size\n"
    "/reset  forget the conversation and begin anew\n"
    "/quit   leave; a session with a name stays";

// After these the next line would fail in the same way.
bool IsHopeless(const absl::Status& status) {
  return ExitCodeOf(status) == ExitCode::kNotAllowed || IsLocal(status);
}

}  // namespace

void ChatCommand::AddFlags(CLI::App& app) {
  app.add_option(
         "--session", session_,
         "The session to talk with; created if absent. Default: a new one that goes with the "
         "end of the chat")
      ->type_name("ID");
  app.add_option("--system", system_, "System message of a session that is still empty")
      ->type_name("TEXT");
  AddTurnFlags(app, turn_);
  app.footer(absl::StrCat("Within the chat:\n", kHelp,
                          "\nCtrl-C ends an answer, and at the prompt the chat.\n"
                          "Examples:\n"
                          "  pintle chat --session tea --system 'You are brief.'\n"
                          "  printf 'Hello\\nAnd in French?\\n' | pintle chat\n"));
}

absl::Status ChatCommand::Run(CommandContext& context) {
  if (context.json) return UsageError("chat has no --json; use generate --session ID --json");
  PINTLE_RETURN_IF_ERROR(Open(context));
  const bool asks = context.terminal.traits().in_is_terminal;
  if (asks) context.terminal.Note("/help lists what else a line may say");
  absl::Status last;
  std::string line;
  while (true) {
    if (asks) context.terminal.Text("> ");
    if (!std::getline(context.in, line)) break;
    absl::StripAsciiWhitespace(&line);
    if (line.empty()) continue;
    if (line[0] == '/') {
      const absl::StatusOr<bool> on = Obey(line, context);
      last = on.status();
      if (on.ok() && !*on) break;
    } else {
      last = Say(line, context);
    }
    if (last.ok()) continue;
    if (!asks || IsHopeless(last)) break;
    const auto lines = ErrorLines(last, context.connection.target());
    context.terminal.Error(lines[0]);
    for (std::size_t i = 1; i < lines.size(); ++i) context.terminal.ErrorLine(lines[i]);
    context.connection.interrupt().Clear();
    last = absl::OkStatus();
  }
  if (unnamed_ && !context.connection.interrupt().requested()) {
    v1::DeleteSessionRequest request;
    request.set_id(session_);
    v1::DeleteSessionResponse response;
    last.Update(context.connection.Call(&Stub::DeleteSession, request, &response));
  }
  return last;
}

absl::Status ChatCommand::Open(CommandContext& context) {
  unnamed_ = session_.empty();
  if (unnamed_) return Create(context);
  v1::GetSessionRequest request;
  request.set_id(session_);
  v1::GetSessionResponse response;
  const absl::Status found = context.connection.Call(&Stub::GetSession, request, &response);
  if (HasReason(found, Reason::kSessionNotFound)) return Create(context);
  PINTLE_RETURN_IF_ERROR(found);
  fresh_ = response.session().position() == 0;
  return absl::OkStatus();
}

absl::Status ChatCommand::Create(CommandContext& context) {
  v1::CreateSessionRequest request;
  request.set_id(session_);
  request.set_model(turn_.model);
  v1::CreateSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::CreateSession, request, &response));
  session_ = response.session().id();
  fresh_ = true;
  return absl::OkStatus();
}

absl::Status ChatCommand::Say(const std::string& line, CommandContext& context) {
  v1::GenerateRequest request;
  FillOptions(turn_, request);
  request.set_session(session_);
  if (fresh_ && !system_.empty()) AddMessage("system", system_, *request.mutable_chat());
  AddMessage("user", line, *request.mutable_chat());
  bool mid_line = false;
  const auto show = [&](const v1::Chunk& chunk) {
    if (chunk.choice() != 0 || chunk.text().empty()) return;
    context.terminal.Text(chunk.text());
    mid_line = chunk.text().back() != '\n';
  };
  const absl::StatusOr<TurnRecord> turn = RunTurn(request, context.connection, context.clock, show);
  if (mid_line) context.terminal.Text("\n");
  PINTLE_RETURN_IF_ERROR(turn.status());
  fresh_ = false;
  last_summary_ = TurnSummary(*turn);
  context.terminal.Note(last_summary_);
  return absl::OkStatus();
}

absl::StatusOr<bool> ChatCommand::Obey(const std::string& line, CommandContext& context) {
  if (line == "/quit" || line == "/exit") return false;
  if (line == "/stats") {
    PINTLE_RETURN_IF_ERROR(ShowStats(context));
  } else if (line == "/reset") {
    PINTLE_RETURN_IF_ERROR(Reset(context));
  } else {
    context.terminal.Note(kHelp);
  }
  return true;
}

absl::Status ChatCommand::Reset(CommandContext& context) {
  v1::DeleteSessionRequest request;
  request.set_id(session_);
  v1::DeleteSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::DeleteSession, request, &response));
  PINTLE_RETURN_IF_ERROR(Create(context));
  context.terminal.Note("the conversation begins anew");
  return absl::OkStatus();
}

absl::Status ChatCommand::ShowStats(CommandContext& context) {
  v1::GetSessionRequest request;
  request.set_id(session_);
  v1::GetSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::GetSession, request, &response));
  const v1::Session& session = response.session();
  if (!last_summary_.empty()) context.terminal.Note(last_summary_);
  context.terminal.Note(
      absl::StrCat("session ", HarmlessLine(session.id()), ": ", session.turns(), " turns, ",
                   Grouped(session.position()), " tokens, ",
                   session.has_held_tokens() ? Grouped(session.held_tokens()) : "unknown",
                   " of them in a cache"));
  return absl::OkStatus();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/sessions_command.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/exit_codes.h"
#include "cli/harmless_text.h"
#include "cli/input_text.h"
#include "cli/message_json.h"
#include "cli/session_transfer.h"
#include "cli/session_view.h"
#include "cli/table.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

using Stub = v1::Sessions::Stub;

absl::Status PrintJson(const google::protobuf::Message& message, CommandContext& context) {
  PINTLE_ASSIGN_OR_RETURN(const std::string json, MessageJson(message));
  context.terminal.Line(json);
  return absl::OkStatus();
}

// Leaves the field unset when the flag was not given.
template <typename Request>
absl::Status FillSpan(const char* flag, const std::string& text, Request& request,
                      google::protobuf::Duration* (Request::*field)()) {
  if (text.empty()) return absl::OkStatus();
  PINTLE_ASSIGN_OR_RETURN(const absl::Duration span, ParseSpan(flag, text));
  ToProto(span, (request.*field)());
  return absl::OkStatus();
}

// What is worth a word: a pin that does not hold as it was asked for.
void NoteVerdict(v1::PinVerdict verdict, CommandContext& context) {
  if (verdict == v1::CLIPPED) {
    context.terminal.Note("the pin holds in part: the session holds more KV than its budget");
  } else if (verdict == v1::DEFERRED) {
    context.terminal.Note("the pin will hold with the next turn, or when running turns made way");
  }
}

}  // namespace

CLI::App& SessionsCommand::AddAction(CLI::App& app, const char* name, const char* summary,
                                     Action action) {
  CLI::App* sub = app.add_subcommand(name, summary);
  sub->final_callback([this, action] { chosen_ = action; });
  return *sub;
}

void SessionsCommand::AddPinFlags(CLI::App& app) {
  app.add_option("--lease", lease_, "How long the pin holds after a turn, such as 90, 10m, 2h")
      ->type_name("TIME");
  app.add_option("--pin", pin_, "best_effort, retained or guaranteed")->type_name("KIND");
  app.add_option("--priority", priority_, "Of a retained pin, 0 to 100: larger stays longer")
      ->type_name("N")
      ->check(CLI::Range(0, limits::kPriorityMax));
  app.add_option("--ttl", ttl_, "How long a retained pin holds after a turn; default: the lease")
      ->type_name("TIME");
  app.add_option("--budget", budget_, "Of a guaranteed pin: a turn's context and max_tokens")
      ->type_name("TOKENS")
      ->check(CLI::PositiveNumber);
  app.add_flag("--resident", resident_, "The pinned KV may not move to a lower tier");
}

bool SessionsCommand::HasPinFlags() const {
  return !pin_.empty() || priority_ >= 0 || !ttl_.empty() || budget_ > 0 || resident_;
}

absl::Status SessionsCommand::FillPin(v1::Pin& pin) const {
  v1::PinKind kind = v1::PIN_KIND_UNSPECIFIED;
  if (!v1::PinKind_Parse(absl::AsciiStrToUpper(pin_), &kind)) {
    return UsageError("--pin must be best_effort, retained or guaranteed");
  }
  const bool retained = kind == v1::RETAINED;
  const bool guaranteed = kind == v1::GUARANTEED;
  if (!retained && (priority_ >= 0 || !ttl_.empty())) {
    return UsageError("--priority and --ttl go with --pin retained");
  }
  if (guaranteed != (budget_ > 0)) {
    return UsageError("--budget TOKENS goes with --pin guaranteed, and that with --budget");
  }
  pin.set_kind(kind);
  if (priority_ >= 0) pin.set_priority(priority_);
  if (guaranteed) pin.set_budget_tokens(budget_);
  pin.set_resident(resident_);
  return FillSpan("--ttl", ttl_, pin, &v1::Pin::mutable_ttl);
}

void SessionsCommand::AddFlags(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App& list = AddAction(app, "list", "Your sessions, ordered by id", &SessionsCommand::List);
  list.add_option("--limit", limit_, "How many at most; 0 for all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  CLI::App& get =
      AddAction(app, "get", "One session, with its transcript if asked", &SessionsCommand::Get);
  get.add_option("ID", id_, "The session")->required();
  get.add_flag("--transcript", transcript_, "Its messages too; with --json their token ids");
  CLI::App& create = AddAction(app, "create", "Make a session", &SessionsCommand::Create);
  create.add_option("ID", id_, "Its id; default: the server chooses one");
  create.add_option("--model", model_, "Needed only where several models are served")
      ->type_name("NAME");
  create.add_option("--label", labels_, "KEY=VALUE to find it by; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  AddPinFlags(create);
  CLI::App& update =
      AddAction(app, "update", "Change a session and renew its lease", &SessionsCommand::Update);
  update.add_option("ID", id_, "The session")->required();
  AddPinFlags(update);
  update
      .add_option("--expected-return", expected_return_,
                  "When you expect to come back: a hint for the cache, such as 5m")
      ->type_name("TIME");
  update.add_option("--outlook", outlook_, "open, awaiting_tool or closed: another such hint")
      ->type_name("WORD");
  CLI::App& drop = AddAction(app, "delete", "Forget sessions; ends their running turns",
                             &SessionsCommand::Delete);
  drop.add_option("ID", ids_, "The sessions")->required();
  AddMoves(app);
  app.footer(
      "Examples:\n"
      "  pintle sessions list\n"
      "  pintle sessions create tea --lease 30m --label team=kitchen\n"
      "  pintle sessions create vip --pin guaranteed --budget 4096 --lease 1h\n"
      "  pintle sessions update tea --pin retained --ttl 5m --expected-return 2m\n"
      "  pintle sessions get tea --transcript --json | jq '.session.position'\n"
      "  pintle sessions fork tea tea-2 --position 120\n"
      "  pintle sessions export tea tea.session\n"
      "  pintle sessions import tea.session --id tea-again\n"
      "  pintle sessions delete tea\n");
}

void SessionsCommand::AddMoves(CLI::App& app) {
  CLI::App& fork =
      AddAction(app, "fork", "Make a session that begins as another", &SessionsCommand::Fork);
  fork.add_option("ID", id_, "The session to begin as")->required();
  fork.add_option("NEW", new_id_, "The new one's id; default: the server chooses one");
  fork.add_option("--position", position_,
                  "Tokens of the transcript to keep, best between turns; default: all")
      ->type_name("TOKENS")
      ->check(CLI::NonNegativeNumber);
  CLI::App& truncate =
      AddAction(app, "truncate", "Forget the end of a transcript", &SessionsCommand::Truncate);
  truncate.add_option("ID", id_, "The session")->required();
  truncate
      .add_option("POSITION", position_,
                  "Tokens of the transcript to keep, best between turns (see get --transcript)")
      ->required()
      ->check(CLI::NonNegativeNumber);
  CLI::App& save = AddAction(app, "export", "Write a session, KV and all, to a file",
                             &SessionsCommand::Export);
  save.add_option("ID", id_, "The session")->required();
  save.add_option("FILE", file_, "The file; it appears when it is whole")->required();
  save.add_flag("--no-kv", no_kv_, "The transcript alone");
  CLI::App& load =
      AddAction(app, "import", "Make a session of an exported file", &SessionsCommand::Import);
  load.add_option("FILE", file_, "What export has written")->required();
  load.add_option("--id", id_, "Its id; default: the server chooses one")->type_name("ID");
  load.add_flag("--transcript-only", transcript_only_,
                "Leave the KV out; also takes another model's file, if its tokenizer is the same");
}

absl::Status SessionsCommand::Run(CommandContext& context) { return (this->*chosen_)(context); }

absl::Status SessionsCommand::List(CommandContext& context) {
  const int limit = limit_ == 0 ? std::numeric_limits<int>::max() : limit_;
  v1::ListSessionsResponse all;
  do {
    v1::ListSessionsRequest request;
    const int left = limit - all.sessions_size();
    request.set_page_size(std::min(left, static_cast<int>(limits::kSessionsPageMax)));
    request.set_page_token(all.next_page_token());
    v1::ListSessionsResponse page;
    PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::ListSessions, request, &page));
    all.set_next_page_token("");
    all.MergeFrom(page);
    if (page.sessions().empty()) break;  // A server that only names further pages never ends.
  } while (!all.next_page_token().empty() && all.sessions_size() < limit);
  if (context.json) return PrintJson(all, context);
  if (all.sessions().empty()) {
    context.terminal.Note("no sessions; pintle sessions create ID makes one");
    return absl::OkStatus();
  }
  context.terminal.Line(
      SessionTable({all.sessions().begin(), all.sessions().end()}, context.clock.Wall()));
  if (!all.next_page_token().empty()) context.terminal.Note("there are more; see --limit");
  return absl::OkStatus();
}

absl::Status SessionsCommand::Get(CommandContext& context) {
  v1::GetSessionRequest request;
  request.set_id(id_);
  request.set_include_transcript(transcript_);
  v1::GetSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::GetSession, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(SessionFacts(response.session(), context.clock.Wall()));
  if (transcript_) context.terminal.Line(absl::StrCat("\n", TranscriptText(response)));
  return absl::OkStatus();
}

absl::Status SessionsCommand::Create(CommandContext& context) {
  v1::CreateSessionRequest request;
  request.set_id(id_);
  request.set_model(model_);
  if (HasPinFlags()) PINTLE_RETURN_IF_ERROR(FillPin(*request.mutable_pin()));
  PINTLE_RETURN_IF_ERROR(
      FillSpan("--lease", lease_, request, &v1::CreateSessionRequest::mutable_lease));
  for (const std::string& label : labels_) {
    const std::size_t sign = label.find('=');
    if (sign == std::string::npos || sign == 0) {
      return UsageError(absl::StrCat("--label: '", label, "' is not KEY=VALUE"));
    }
    (*request.mutable_labels())[label.substr(0, sign)] = label.substr(sign + 1);
  }
  v1::CreateSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::CreateSession, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(HarmlessLine(response.session().id()));
  NoteVerdict(response.verdict(), context);
  return absl::OkStatus();
}

absl::Status SessionsCommand::Update(CommandContext& context) {
  v1::UpdateSessionRequest request;
  request.set_id(id_);
  if (HasPinFlags()) PINTLE_RETURN_IF_ERROR(FillPin(*request.mutable_pin()));
  PINTLE_RETURN_IF_ERROR(
      FillSpan("--lease", lease_, request, &v1::UpdateSessionRequest::mutable_lease));
  if (!outlook_.empty()) {
    v1::Outlook outlook = v1::OUTLOOK_UNSPECIFIED;
    if (!v1::Outlook_Parse(absl::AsciiStrToUpper(outlook_), &outlook)) {
      return UsageError("--outlook must be open, awaiting_tool or closed");
    }
    request.set_outlook(outlook);
  }
  PINTLE_RETURN_IF_ERROR(FillSpan("--expected-return", expected_return_, request,
                                  &v1::UpdateSessionRequest::mutable_expected_return));
  v1::UpdateSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::UpdateSession, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(SessionFacts(response.session(), context.clock.Wall()));
  NoteVerdict(response.verdict(), context);
  return absl::OkStatus();
}

absl::Status SessionsCommand::Delete(CommandContext& context) {
  v1::DeleteSessionResponse sum;
  for (const std::string& id : ids_) {
    v1::DeleteSessionRequest request;
    request.set_id(id);
    v1::DeleteSessionResponse response;
    PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::DeleteSession, request, &response));
    sum.set_released_tokens(sum.released_tokens() + response.released_tokens());
    sum.set_released_unknown(sum.released_unknown() || response.released_unknown());
  }
  if (context.json) return PrintJson(sum, context);
  if (sum.released_tokens() > 0 || !sum.released_unknown()) {
    context.terminal.Note(absl::StrCat(Grouped(sum.released_tokens()), " cached tokens released"));
  }
  if (sum.released_unknown()) {
    context.terminal.Note("a worker did not say in time how many tokens it released");
  }
  return absl::OkStatus();
}

absl::Status SessionsCommand::Fork(CommandContext& context) {
  v1::ForkSessionRequest request;
  request.set_id(id_);
  request.set_new_id(new_id_);
  if (position_ >= 0) request.set_position(position_);
  v1::ForkSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::ForkSession, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(HarmlessLine(response.session().id()));
  return absl::OkStatus();
}

absl::Status SessionsCommand::Truncate(CommandContext& context) {
  v1::TruncateSessionRequest request;
  request.set_id(id_);
  request.set_position(position_);
  v1::TruncateSessionResponse response;
  PINTLE_RETURN_IF_ERROR(context.connection.Call(&Stub::TruncateSession, request, &response));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(SessionFacts(response.session(), context.clock.Wall()));
  return absl::OkStatus();
}

absl::Status SessionsCommand::Export(CommandContext& context) {
  v1::ExportSessionRequest request;
  request.set_id(id_);
  request.set_include_kv(!no_kv_);
  PINTLE_ASSIGN_OR_RETURN(const v1::ArchiveHeader header, ExportToFile(request, file_, context));
  if (context.json) return PrintJson(header, context);
  context.terminal.Note(absl::StrCat(Grouped(header.position()), " tokens of ",
                                     Grouped(header.turns()), " turns, KV of ",
                                     Grouped(header.kv_tokens())));
  return absl::OkStatus();
}

absl::Status SessionsCommand::Import(CommandContext& context) {
  PINTLE_ASSIGN_OR_RETURN(const v1::ImportSessionResponse response,
                          ImportFromFile(id_, transcript_only_, file_, context));
  if (context.json) return PrintJson(response, context);
  context.terminal.Line(HarmlessLine(response.session().id()));
  context.terminal.Note(absl::StrCat(Grouped(response.session().position()), " tokens, KV of ",
                                     Grouped(response.kv_tokens())));
  return absl::OkStatus();
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/session_view.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cli/harmless_text.h"
#include "cli/table.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

std::string StateWord(v1::SessionState state) {
  const std::string& name = v1::SessionState_Name(state);
  return name.empty() || state == v1::SESSION_STATE_UNSPECIFIED ? "unknown"
                                                                : absl::AsciiStrToLower(name);
}

std::string PinWord(v1::PinKind kind) {
  if (kind == v1::PIN_KIND_UNSPECIFIED) return "best_effort";
  const std::string& name = v1::PinKind_Name(kind);
  return name.empty() ? "unknown" : absl::AsciiStrToLower(name);
}

std::string OutlookWord(v1::Outlook outlook) {
  const std::string& name = v1::Outlook_Name(outlook);
  return name.empty() ? "unknown" : absl::AsciiStrToLower(name);
}

// The pin with what belongs to its kind.
std::string PinText(const v1::Pin& pin) {
  std::string text = PinWord(pin.kind());
  if (pin.has_budget_tokens()) {
    absl::StrAppend(&text, ", ", Grouped(pin.budget_tokens()), " tokens");
  }
  if (pin.has_priority()) absl::StrAppend(&text, ", priority ", pin.priority());
  if (pin.has_ttl()) {
    absl::StrAppend(&text, " for ", ReadableSeconds(absl::ToDoubleSeconds(FromProto(pin.ttl()))));
  }
  if (pin.ranges_size() > 0) absl::StrAppend(&text, ", ", pin.ranges_size(), " ranges");
  if (pin.resident()) absl::StrAppend(&text, ", resident");
  return text;
}

std::string LeaseLeft(const v1::Session& session, absl::Time now) {
  if (!session.has_lease_expires()) return "-";
  const double left = absl::ToDoubleSeconds(FromProto(session.lease_expires()) - now);
  return left > 0 ? ReadableSeconds(left) : "ended";
}

std::string ReturnText(const v1::Session& session, absl::Time now) {
  const double left = absl::ToDoubleSeconds(FromProto(session.expected_return()) - now);
  return left >= 0 ? absl::StrCat("expected in ", ReadableSeconds(left))
                   : absl::StrCat("was expected ", ReadableSeconds(-left), " ago");
}

std::string Held(const v1::Session& session) {
  return session.has_held_tokens() ? Grouped(session.held_tokens()) : "unknown";
}

std::string Ago(bool known, const google::protobuf::Timestamp& then, absl::Time now) {
  if (!known) return "-";
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(now - FromProto(then)));
  return absl::StrCat(ReadableSeconds(seconds), " ago");
}

std::string LeaseText(const v1::Session& session, absl::Time now) {
  std::string text = ReadableSeconds(absl::ToDoubleSeconds(FromProto(session.lease())));
  if (!session.has_lease_expires()) return text;
  const double left = absl::ToDoubleSeconds(FromProto(session.lease_expires()) - now);
  return left > 0 ? absl::StrCat(text, ", ", ReadableSeconds(left), " left")
                  : absl::StrCat(text, ", ended");
}

}  // namespace

std::string SessionTable(const std::vector<v1::Session>& sessions, absl::Time now) {
  Table table({{"SESSION"},
               {"STATE"},
               {"MODEL"},
               {"TURNS", Align::kRight},
               {"TOKENS", Align::kRight},
               {"HELD", Align::kRight},
               {"PIN"},
               {"LEASE LEFT"},
               {"WORKER"},
               {"LAST USED"}});
  for (const v1::Session& session : sessions) {
    table.AddRow({session.id(), StateWord(session.state()), OrDash(session.model()),
                  Grouped(session.turns()), Grouped(session.position()), Held(session),
                  PinWord(session.pin().kind()), LeaseLeft(session, now),
                  OrDash(session.worker()),
                  Ago(session.has_last_used(), session.last_used(), now)});
  }
  return table.ToString();
}

std::string SessionFacts(const v1::Session& session, absl::Time now) {
  std::string text;
  const auto fact = [&text](const char* name, const std::string& value) {
    const std::string label = absl::StrCat(name, ":");
    absl::StrAppend(&text, text.empty() ? "" : "\n", label, std::string(12 - label.size(), ' '),
                    HarmlessLine(value));
  };
  fact("session", session.id());
  fact("model", OrDash(session.model()));
  fact("state", StateWord(session.state()));
  fact("pin", PinText(session.pin()));
  fact("lease", LeaseText(session, now));
  if (session.outlook() != v1::OUTLOOK_UNSPECIFIED && session.outlook() != v1::OPEN) {
    fact("outlook", OutlookWord(session.outlook()));
  }
  if (session.has_expected_return()) fact("return", ReturnText(session, now));
  fact("created", Ago(session.has_created(), session.created(), now));
  fact("last used", Ago(session.has_last_used(), session.last_used(), now));
  fact("turns", Grouped(session.turns()));
  fact("tokens", absl::StrCat(Grouped(session.position()), ", ", Held(session), " in a cache"));
  fact("worker", OrDash(session.worker()));
  fact("epoch", absl::StrCat(session.epoch()));
  for (const auto& [key, value] : session.labels()) {
    fact("label", absl::StrCat(key, "=", value));
  }
  return text;
}

std::string TranscriptText(const v1::GetSessionResponse& response) {
  std::string text;
  int number = 0;
  for (const v1::TranscriptTurn& turn : response.transcript()) {
    absl::StrAppend(&text, text.empty() ? "" : "\n\n", "turn ", ++number, ": ",
                    Grouped(turn.token_ids_size()), " tokens, ", Grouped(turn.output_tokens()),
                    " generated");
    for (const v1::Message& message : turn.messages()) {
      absl::StrAppend(&text, "\n[", HarmlessLine(message.role()), "] ");
      for (const v1::Part& part : message.parts()) absl::StrAppend(&text, Harmless(part.text()));
      for (const v1::ToolCall& call : message.tool_calls()) {
        absl::StrAppend(&text, "\n  calls ", HarmlessLine(call.name()), "(",
                        HarmlessLine(call.arguments_json()), ")");
      }
    }
  }
  return text;
}

}  // namespace pintle

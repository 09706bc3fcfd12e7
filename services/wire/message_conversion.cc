// SPDX-License-Identifier: Apache-2.0
#include "services/wire/message_conversion.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"

namespace pintle {

void ToProto(const Message& message, v1::Message* out) {
  out->set_role(message.role);
  // No text is no part, so that an assistant message with tool calls alone stays one.
  if (!message.text.empty()) out->add_parts()->set_text(message.text);
  for (const ToolCall& call : message.tool_calls) {
    v1::ToolCall* proto = out->add_tool_calls();
    proto->set_id(call.id);
    proto->set_name(call.name);
    proto->set_arguments_json(call.arguments_json);
  }
  out->set_tool_call_id(message.tool_call_id);
  out->set_name(message.name);
}

absl::StatusOr<Message> FromProto(const v1::Message& message, absl::string_view field) {
  Message out;
  out.role = message.role();
  for (int i = 0; i < message.parts_size(); ++i) {
    const v1::Part& part = message.parts(i);
    if (part.kind_case() != v1::Part::kText) {
      ErrorDetail detail;
      detail.reason = Reason::kUnsupportedOption;
      detail.fields.push_back({absl::StrCat(field, ".parts[", i, "]"), "has no text"});
      return MakeError(detail, absl::StrCat(field, ".parts[", i,
                                            "] has no text; other kinds of "
                                            "content are not supported"));
    }
    out.text += part.text();
  }
  for (const v1::ToolCall& call : message.tool_calls()) {
    out.tool_calls.push_back({call.id(), call.name(), call.arguments_json()});
  }
  out.tool_call_id = message.tool_call_id();
  out.name = message.name();
  return out;
}

void ToProto(const ChatInput& chat, v1::Chat* out) {
  for (const Message& message : chat.messages) ToProto(message, out->add_messages());
  out->set_tools(chat.tools_json);
  out->set_template_arguments(chat.template_arguments_json);
  out->set_history(chat.history == History::kReplace ? v1::REPLACE : v1::APPEND);
}

absl::StatusOr<ChatInput> FromProto(const v1::Chat& chat) {
  ChatInput out;
  for (int i = 0; i < chat.messages_size(); ++i) {
    PINTLE_ASSIGN_OR_RETURN(Message message,
                            FromProto(chat.messages(i), absl::StrCat("chat.messages[", i, "]")));
    out.messages.push_back(std::move(message));
  }
  out.tools_json = chat.tools();
  out.template_arguments_json = chat.template_arguments();
  switch (chat.history()) {
    case v1::HISTORY_UNSPECIFIED:
    case v1::APPEND: out.history = History::kAppend; return out;
    case v1::REPLACE: out.history = History::kReplace; return out;
    default:
      return InvalidField("chat.history", absl::StrCat("is ", static_cast<int>(chat.history()),
                                                       ", which is no History"));
  }
}

void ToProto(const std::vector<TokenId>& tokens, TokenIdField* out) {
  out->Add(tokens.begin(), tokens.end());
}

std::vector<TokenId> FromProto(const TokenIdField& tokens) {
  return std::vector<TokenId>(tokens.begin(), tokens.end());
}

void ToProto(const TranscriptTurn& turn, v1::TranscriptTurn* out) {
  for (const Message& message : turn.messages) ToProto(message, out->add_messages());
  ToProto(turn.tokens, out->mutable_token_ids());
  out->set_output_tokens(turn.output_tokens);
  out->set_closed(turn.closed);
  out->set_tools(turn.tools_json);
  out->set_template_arguments(turn.template_arguments_json);
}

absl::StatusOr<TranscriptTurn> FromProto(const v1::TranscriptTurn& turn) {
  TranscriptTurn out;
  for (const v1::Message& message : turn.messages()) {
    PINTLE_ASSIGN_OR_RETURN(Message converted, FromProto(message, "transcript.messages"));
    out.messages.push_back(std::move(converted));
  }
  out.tokens = FromProto(turn.token_ids());
  out.output_tokens = turn.output_tokens();
  out.closed = turn.closed();
  out.tools_json = turn.tools();
  out.template_arguments_json = turn.template_arguments();
  return out;
}

}  // namespace pintle

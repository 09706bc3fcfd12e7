// SPDX-License-Identifier: Apache-2.0
#include "cli/chat_messages.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/exit_codes.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

using Json = nlohmann::json;

absl::Status Wrong(absl::string_view flag, absl::string_view place, absl::string_view what) {
  return UsageError(absl::StrCat(flag, ": ", place, " ", what));
}

// The member's text; empty without one. Null counts as absent, as OpenAI's API writes it.
absl::StatusOr<std::string> TextOf(const Json& object, const char* key, absl::string_view flag,
                                   absl::string_view place) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return Wrong(flag, absl::StrCat(place, ".", key), "must be a text");
  return found->get<std::string>();
}

absl::Status ReadContent(const Json& message, absl::string_view flag, absl::string_view place,
                         v1::Message& out) {
  const auto content = message.find("content");
  if (content == message.end() || content->is_null()) return absl::OkStatus();
  if (content->is_string()) {
    out.add_parts()->set_text(content->get<std::string>());
    return absl::OkStatus();
  }
  const std::string where = absl::StrCat(place, ".content");
  if (!content->is_array()) return Wrong(flag, where, "must be a text or a list of parts");
  for (const Json& part : *content) {
    if (!part.is_object() || !part.contains("text") || !part["text"].is_string()) {
      return Wrong(flag, where, "may only hold parts of type text");
    }
    out.add_parts()->set_text(part["text"].get<std::string>());
  }
  return absl::OkStatus();
}

absl::Status ReadToolCalls(const Json& message, absl::string_view flag, absl::string_view place,
                           v1::Message& out) {
  const auto calls = message.find("tool_calls");
  if (calls == message.end() || calls->is_null()) return absl::OkStatus();
  const std::string where = absl::StrCat(place, ".tool_calls");
  if (!calls->is_array()) return Wrong(flag, where, "must be a list");
  for (const Json& call : *calls) {
    if (!call.is_object() || !call.contains("function") || !call["function"].is_object()) {
      return Wrong(flag, where, "must hold objects with a function");
    }
    const Json& function = call["function"];
    v1::ToolCall& made = *out.add_tool_calls();
    PINTLE_ASSIGN_OR_RETURN(*made.mutable_id(), TextOf(call, "id", flag, where));
    PINTLE_ASSIGN_OR_RETURN(*made.mutable_name(), TextOf(function, "name", flag, where));
    const auto arguments = function.find("arguments");
    if (arguments == function.end()) continue;
    made.set_arguments_json(arguments->is_string() ? arguments->get<std::string>()
                                                   : arguments->dump());
  }
  return absl::OkStatus();
}

absl::Status ReadMessage(const Json& message, absl::string_view flag, absl::string_view place,
                         v1::Message& out) {
  if (!message.is_object()) return Wrong(flag, place, "must be an object with role and content");
  PINTLE_ASSIGN_OR_RETURN(*out.mutable_role(), TextOf(message, "role", flag, place));
  if (out.role().empty()) return Wrong(flag, absl::StrCat(place, ".role"), "is missing");
  PINTLE_ASSIGN_OR_RETURN(*out.mutable_name(), TextOf(message, "name", flag, place));
  PINTLE_ASSIGN_OR_RETURN(*out.mutable_tool_call_id(),
                          TextOf(message, "tool_call_id", flag, place));
  PINTLE_RETURN_IF_ERROR(ReadContent(message, flag, place, out));
  return ReadToolCalls(message, flag, place, out);
}

}  // namespace

void AddMessage(absl::string_view role, absl::string_view text, v1::Chat& chat) {
  v1::Message& message = *chat.add_messages();
  message.set_role(std::string(role));
  message.add_parts()->set_text(std::string(text));
}

absl::StatusOr<v1::Chat> ParseMessages(absl::string_view flag, absl::string_view json) {
  const Json parsed = Json::parse(json.begin(), json.end(), nullptr, false);
  if (parsed.is_discarded()) return Wrong(flag, "the file", "is no JSON");
  v1::Chat chat;
  const Json* messages = &parsed;
  if (parsed.is_object()) {
    if (!parsed.contains("messages")) return Wrong(flag, "the object", "has no \"messages\"");
    messages = &parsed["messages"];
    if (parsed.contains("tools")) chat.set_tools(parsed["tools"].dump());
    if (parsed.contains("template_arguments")) {
      chat.set_template_arguments(parsed["template_arguments"].dump());
    }
  }
  if (!messages->is_array() || messages->empty()) {
    return Wrong(flag, "messages", "must be a list of at least one message");
  }
  for (std::size_t i = 0; i < messages->size(); ++i) {
    PINTLE_RETURN_IF_ERROR(
        ReadMessage((*messages)[i], flag, absl::StrCat("messages[", i, "]"), *chat.add_messages()));
  }
  return chat;
}

}  // namespace pintle

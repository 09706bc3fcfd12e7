// SPDX-License-Identifier: Apache-2.0
#include "worker/text/chat_context.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "nlohmann/json.hpp"
#include "worker/text/seam/utf8.h"
#include "worker/text/text_errors.h"

namespace pintle::text {
namespace {

// Ordered: a template prints tools with the keys as the client wrote them.
using Json = nlohmann::ordered_json;

// A tool's schema nests a few levels; deep values only serve to exhaust a stack.
constexpr int kJsonDepthMax = 64;

constexpr std::array<absl::string_view, 6> kOwnVariables = {
    "messages", "tools", "add_generation_prompt", "raise_exception", "strftime_now", "namespace"};

absl::Status CheckText(absl::string_view field, absl::string_view text,
                       absl::string_view forbidden) {
  if (!IsValidUtf8(text)) return InvalidField(field, "is not valid UTF-8");
  if (absl::StrContains(text, forbidden)) {
    return InvalidField(field, "holds a reserved sequence of private use code points");
  }
  return absl::OkStatus();
}

// Nullopt when the text is no JSON of bounded depth.
std::optional<Json> ParseJson(absl::string_view text) {
  bool too_deep = false;
  const auto bounded = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kJsonDepthMax;
    return !too_deep;
  };
  Json json = Json::parse(text.begin(), text.end(), bounded, /*allow_exceptions=*/false);
  if (too_deep || json.is_discarded()) return std::nullopt;
  return json;
}

// Escapes in JSON could spell what the raw text does not show.
bool HoldsText(const Json& json, absl::string_view forbidden) {
  if (json.is_string()) return absl::StrContains(json.get_ref<const std::string&>(), forbidden);
  if (!json.is_structured()) return false;
  return std::any_of(json.items().begin(), json.items().end(), [forbidden](const auto& item) {
    return absl::StrContains(item.key(), forbidden) || HoldsText(item.value(), forbidden);
  });
}

absl::StatusOr<Json> ParseField(absl::string_view field, absl::string_view text,
                                std::size_t bytes_max, absl::string_view forbidden) {
  if (text.size() > bytes_max) return TooLongError(field, text.size(), bytes_max);
  PINTLE_RETURN_IF_ERROR(CheckText(field, text, forbidden));
  std::optional<Json> json = ParseJson(text);
  if (!json.has_value()) {
    return InvalidField(field, absl::StrCat("is no JSON of at most ", kJsonDepthMax, " levels"));
  }
  if (HoldsText(*json, forbidden)) {
    return InvalidField(field, "holds a reserved sequence of private use code points");
  }
  return *std::move(json);
}

absl::StatusOr<Json> ToolCallsJson(const Message& message, absl::string_view field,
                                   absl::string_view forbidden) {
  Json calls = Json::array();
  for (const ToolCall& call : message.tool_calls) {
    PINTLE_RETURN_IF_ERROR(CheckText(field, call.name, forbidden));
    PINTLE_RETURN_IF_ERROR(CheckText(field, call.id, forbidden));
    PINTLE_RETURN_IF_ERROR(CheckText(field, call.arguments_json, forbidden));
    Json function = {{"name", call.name}};
    // Templates print arguments with tojson, so they want the value; a model's broken JSON stays
    // the text it is.
    std::optional<Json> arguments = ParseJson(call.arguments_json);
    if (arguments.has_value() && HoldsText(*arguments, forbidden)) {
      return InvalidField(field, "holds a reserved sequence of private use code points");
    }
    function["arguments"] =
        arguments.has_value() && arguments->is_object() ? *arguments : Json(call.arguments_json);
    Json entry = {{"type", "function"}, {"function", std::move(function)}};
    if (!call.id.empty()) entry["id"] = call.id;
    calls.push_back(std::move(entry));
  }
  return calls;
}

absl::StatusOr<Json> MessageJson(const Message& message, absl::string_view field,
                                 absl::string_view forbidden) {
  Json json = {{"role", message.role}, {"content", message.text}};
  for (const std::string* text :
       {&message.role, &message.text, &message.name, &message.tool_call_id}) {
    PINTLE_RETURN_IF_ERROR(CheckText(field, *text, forbidden));
  }
  if (!message.name.empty()) json["name"] = message.name;
  if (!message.tool_call_id.empty()) json["tool_call_id"] = message.tool_call_id;
  if (!message.tool_calls.empty()) {
    PINTLE_ASSIGN_OR_RETURN(json["tool_calls"], ToolCallsJson(message, field, forbidden));
  }
  return json;
}

std::size_t MessageBytes(const Message& message) {
  std::size_t bytes =
      message.role.size() + message.text.size() + message.name.size() + message.tool_call_id.size();
  for (const ToolCall& call : message.tool_calls) {
    bytes += call.id.size() + call.name.size() + call.arguments_json.size();
  }
  return bytes;
}

absl::StatusOr<Json> MessagesJson(absl::Span<const Message> messages, absl::string_view forbidden) {
  if (messages.size() > limits::kMessages) {
    return InvalidField("chat.messages",
                        absl::StrCat("are ", messages.size(), ", limit ", limits::kMessages));
  }
  std::size_t bytes = 0;
  for (const Message& message : messages) bytes += MessageBytes(message);
  if (bytes > limits::kPromptBytes)
    return TooLongError("chat.messages", bytes, limits::kPromptBytes);
  Json json = Json::array();
  for (std::size_t i = 0; i < messages.size(); ++i) {
    PINTLE_ASSIGN_OR_RETURN(
        Json message, MessageJson(messages[i], absl::StrCat("chat.messages[", i, "]"), forbidden));
    json.push_back(std::move(message));
  }
  return json;
}

}  // namespace

absl::StatusOr<std::string> ChatContextJson(
    absl::Span<const Message> messages, const RenderOptions& options,
    absl::Span<const std::pair<std::string, std::string>> named_tokens,
    absl::string_view forbidden) {
  Json context = Json::object();
  for (const auto& [name, token] : named_tokens) context[name] = token;
  context["tools"] = nullptr;
  context["documents"] = nullptr;
  if (!options.template_arguments_json.empty()) {
    PINTLE_ASSIGN_OR_RETURN(const Json arguments,
                            ParseField("chat.template_arguments", options.template_arguments_json,
                                       limits::kTemplateArgumentsBytes, forbidden));
    if (!arguments.is_object()) return InvalidField("chat.template_arguments", "is no object");
    for (const auto& [name, value] : arguments.items()) {
      const bool named_token =
          std::any_of(named_tokens.begin(), named_tokens.end(),
                      [&name = name](const auto& token) { return token.first == name; });
      if (named_token || absl::StartsWith(name, "__") ||
          std::find(kOwnVariables.begin(), kOwnVariables.end(), name) != kOwnVariables.end()) {
        return InvalidField("chat.template_arguments", "sets a variable the template owns");
      }
      context[name] = value;
    }
  }
  if (!options.tools_json.empty()) {
    PINTLE_ASSIGN_OR_RETURN(
        Json tools, ParseField("chat.tools", options.tools_json, limits::kToolsBytes, forbidden));
    if (!tools.is_array()) return InvalidField("chat.tools", "is no array");
    // transformers turns an empty list into none, and templates ask for none.
    if (!tools.empty()) context["tools"] = std::move(tools);
  }
  PINTLE_ASSIGN_OR_RETURN(context["messages"], MessagesJson(messages, forbidden));
  context["add_generation_prompt"] = options.add_generation_prompt;
  return context.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace pintle::text

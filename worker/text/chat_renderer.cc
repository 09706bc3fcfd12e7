// SPDX-License-Identifier: Apache-2.0
#include "worker/text/chat_renderer.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "nlohmann/json.hpp"
#include "worker/text/chat_context.h"
#include "worker/text/seam/utf8.h"
#include "worker/text/text_errors.h"

namespace pintle::text {
namespace {

using Json = nlohmann::ordered_json;

// About 50 ns each: a template over 4,096 messages takes some 300,000.
constexpr std::uint64_t kTemplateFuel = 5'000'000;
// Markers are longer than what they stand for; the text itself is held to kPromptBytes.
constexpr std::size_t kMarkedBytesMax = 4 * limits::kPromptBytes;
// Keeping a client's characters apart multiplies them by up to five and renders twice; longer chats
// of templates that assemble control tokens get plain text there.
constexpr std::size_t kApartBytesMax = limits::kPromptBytes / 8;
// U+10FFFD, the last code point of private use, never starts a marker.
constexpr absl::string_view kApart = "\xF4\x8F\xBF\xBD";

constexpr std::array<absl::string_view, 8> kCommonRoles = {
    "system", "user", "assistant", "tool", "developer", "function", "model", "ipython"};

// Which characters get kApart behind them.
enum class Apart {
  kPunctuation,  // those that hold a control token's name together
  kAll,          // every one: for strings a template may put between its own punctuation
};

bool IsKeptApart(char c, Apart apart) {
  const auto byte = static_cast<unsigned char>(c);
  if (absl::ascii_isspace(byte)) return false;
  return apart == Apart::kAll || (absl::ascii_ispunct(byte) && c != '_');
}

// The text with kApart behind its characters, white space excepted: templates that trim, split at
// line breaks or compare words behave as before, but no control token can contain a piece of it.
std::string KeptApart(absl::string_view text, Apart apart) {
  std::string result;
  while (!text.empty()) {
    const std::size_t bytes = FirstUtf8Unit(text).bytes;
    result.append(text.data(), bytes);
    if (IsKeptApart(text.front(), apart)) result.append(kApart.data(), kApart.size());
    text.remove_prefix(bytes);
  }
  return result;
}

// The same for the strings and keys of a JSON value. Requires: nesting as ChatContextJson bounds
// it.
Json KeptApart(const Json& json) {
  if (json.is_string()) return KeptApart(json.get<std::string>(), Apart::kPunctuation);
  Json result = json;
  if (json.is_array()) {
    for (Json& item : result) item = KeptApart(item);
  } else if (json.is_object()) {
    result = Json::object();
    for (const auto& [key, value] : json.items()) {
      result[KeptApart(key, Apart::kPunctuation)] = KeptApart(value);
    }
  }
  return result;
}

// JSON that ChatContextJson has accepted, or a model's text that is none.
std::string JsonKeptApart(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  return json.is_discarded() ? KeptApart(text, Apart::kPunctuation) : KeptApart(json).dump();
}

// All the client's strings kept apart; nullopt when they are too long or hold kApart themselves.
std::optional<std::vector<Message>> KeptApart(absl::Span<const Message> messages) {
  std::vector<Message> apart(messages.begin(), messages.end());
  std::size_t bytes = 0;
  for (Message& message : apart) {
    if (std::find(kCommonRoles.begin(), kCommonRoles.end(), message.role) == kCommonRoles.end()) {
      message.role = KeptApart(message.role, Apart::kAll);
    }
    message.name = KeptApart(message.name, Apart::kAll);
    message.tool_call_id = KeptApart(message.tool_call_id, Apart::kAll);
    bytes += message.text.size();
    if (bytes > kApartBytesMax || absl::StrContains(message.text, kApart)) return std::nullopt;
    message.text = KeptApart(message.text, Apart::kPunctuation);
    for (ToolCall& call : message.tool_calls) {
      call.name = KeptApart(call.name, Apart::kAll);
      call.arguments_json = JsonKeptApart(call.arguments_json);
    }
  }
  return apart;
}

struct PlainText {
  std::string text;
  std::vector<bool> apart_before;  // kApart stood right before this byte
};

PlainText WithoutApart(absl::string_view text) {
  PlainText plain;
  bool apart = false;
  while (!text.empty()) {
    if (absl::StartsWith(text, kApart)) {
      text.remove_prefix(kApart.size());
      apart = true;
      continue;
    }
    plain.text.push_back(text.front());
    plain.apart_before.push_back(apart);
    apart = false;
    text.remove_prefix(1);
  }
  return plain;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChatRenderer>> ChatRenderer::Create(
    absl::string_view source, const TokenizerHandle& tokenizer,
    std::vector<std::pair<std::string, std::string>> named_tokens) {
  pintle_template* chat_template = nullptr;
  BridgeBuffer error;
  const std::int32_t status =
      pintle_template_open(SliceOf(source), tokenizer.get(), &chat_template, error.out());
  if (status != PINTLE_TEXT_OK) return BridgeError(status, "chat_template", error.view());
  for (auto& [name, token] : named_tokens) {
    if (const MarkedToken* marked = tokenizer.FindByName(token); marked != nullptr) {
      token = marked->marker;
    }
  }
  std::unique_ptr<ChatRenderer> renderer(
      new ChatRenderer(chat_template, tokenizer, std::move(named_tokens)));
  renderer->FindAssembledTokens();
  return renderer;
}

ChatRenderer::ChatRenderer(pintle_template* chat_template, const TokenizerHandle& tokenizer,
                           std::vector<std::pair<std::string, std::string>> named_tokens)
    : template_(chat_template), tokenizer_(tokenizer), named_tokens_(std::move(named_tokens)) {}

absl::StatusOr<RenderedChat> ChatRenderer::Render(absl::Span<const Message> messages,
                                                  const RenderOptions& options) const {
  PINTLE_ASSIGN_OR_RETURN(const std::string marked, RenderMarked(messages, options));
  RenderedChat chat = ResolveMarkers(marked);
  if (chat.text.size() > limits::kPromptBytes) {
    return TooLongError("chat.messages", chat.text.size(), limits::kPromptBytes);
  }
  if (!assembled_.empty()) AddAssembled(messages, options, chat);
  return chat;
}

absl::StatusOr<std::string> ChatRenderer::RenderMarked(absl::Span<const Message> messages,
                                                       const RenderOptions& options) const {
  PINTLE_ASSIGN_OR_RETURN(
      const std::string context,
      ChatContextJson(messages, options, named_tokens_, tokenizer_.marker_prefix()));
  BridgeBuffer text;
  BridgeBuffer error;
  const std::int32_t status = pintle_template_render(
      template_, SliceOf(context), absl::ToUnixSeconds(options.now),
      {.fuel = kTemplateFuel, .output_bytes = kMarkedBytesMax}, text.out(), error.out());
  if (status != PINTLE_TEXT_OK) return BridgeError(status, "chat.messages", error.view());
  return std::string(text.view());
}

RenderedChat ChatRenderer::ResolveMarkers(absl::string_view marked) const {
  const absl::string_view prefix = tokenizer_.marker_prefix();
  RenderedChat chat;
  while (!marked.empty()) {
    const std::size_t begin = std::min(marked.find(prefix), marked.size());
    chat.text.append(marked.data(), begin);
    marked.remove_prefix(begin);
    if (marked.empty()) break;
    const MarkedToken* token = nullptr;
    for (const MarkedToken& candidate : tokenizer_.marked_tokens()) {
      if (absl::StartsWith(marked, candidate.marker)) token = &candidate;
    }
    // A template that takes strings apart could tear a marker; what is left of it means nothing.
    marked.remove_prefix(token == nullptr ? prefix.size() : token->marker.size());
    if (token == nullptr) continue;
    const std::size_t at = chat.text.size();
    chat.text += token->name;
    chat.controls.push_back({at, chat.text.size(), token->id});
  }
  return chat;
}

void ChatRenderer::FindAssembledTokens() {
  std::vector<Message> full;
  for (const char* role : {"system", "user", "assistant", "user"}) {
    full.emplace_back();
    full.back().role = std::string(role);
    full.back().text = std::string(1, 'a');
  }
  // Some templates take no system message, which a probe must not stumble over.
  for (const absl::Span<const Message> probe :
       {absl::MakeConstSpan(full), absl::MakeConstSpan(full).subspan(1)}) {
    const absl::StatusOr<std::string> marked = RenderMarked(probe, RenderOptions());
    if (!marked.ok()) continue;
    for (const MarkedToken& token : tokenizer_.marked_tokens()) {
      if (token.name.size() > 1 && absl::StrContains(*marked, token.name)) {
        assembled_.push_back(&token);
      }
    }
    return;
  }
}

void ChatRenderer::AddAssembled(absl::Span<const Message> messages, const RenderOptions& options,
                                RenderedChat& chat) const {
  const std::optional<std::vector<Message>> apart = KeptApart(messages);
  if (!apart.has_value()) return;
  const std::string tools =
      options.tools_json.empty() ? "" : JsonKeptApart(std::string(options.tools_json));
  RenderOptions apart_options = options;
  apart_options.tools_json = tools;
  const absl::StatusOr<std::string> marked = RenderMarked(*apart, apart_options);
  if (!marked.ok()) return;
  // Markers first: their places are the same in both texts once kApart is gone.
  const PlainText plain = WithoutApart(ResolveMarkers(*marked).text);
  if (plain.text != chat.text) return;
  for (const MarkedToken* token : assembled_) {
    for (std::size_t at = chat.text.find(token->name); at != std::string::npos;
         at = chat.text.find(token->name, at + 1)) {
      const ControlToken control = {at, at + token->name.size(), token->id};
      const bool overlaps = std::any_of(
          chat.controls.begin(), chat.controls.end(), [&control](const ControlToken& other) {
            return other.begin < control.end && control.begin < other.end;
          });
      const bool torn =
          std::any_of(plain.apart_before.begin() + static_cast<std::ptrdiff_t>(control.begin + 1),
                      plain.apart_before.begin() + static_cast<std::ptrdiff_t>(control.end),
                      [](bool before) { return before; });
      if (!overlaps && !torn) chat.controls.push_back(control);
    }
  }
  std::sort(chat.controls.begin(), chat.controls.end(),
            [](const ControlToken& a, const ControlToken& b) { return a.begin < b.begin; });
}

}  // namespace pintle::text

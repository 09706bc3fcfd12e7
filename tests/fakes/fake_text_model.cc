// SPDX-License-Identifier: Apache-2.0
#include "tests/fakes/fake_text_model.h"

#include <array>
#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "worker/text/seam/utf8.h"

namespace pintle::text {
namespace {

constexpr std::array<absl::string_view, 4> kNames = {"<|bos|>", "<|im_start|>", "<|im_end|>",
                                                     "<|endoftext|>"};

// All 256 bytes in order, so that a token's bytes can be a view.
const std::string& AllBytes() {
  static const std::string* const bytes = [] {
    auto* all = new std::string;
    for (int i = 0; i < 256; ++i) all->push_back(static_cast<char>(i));
    return all;
  }();
  return *bytes;
}

void AppendControl(RenderedChat& chat, TokenId id) {
  const std::size_t begin = chat.text.size();
  absl::StrAppend(&chat.text, kNames[static_cast<std::size_t>(id - FakeTextModel::kBos)]);
  chat.controls.push_back({begin, chat.text.size(), id});
}

void AppendBytes(absl::string_view text, std::vector<TokenId>& ids) {
  for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
}

}  // namespace

absl::StatusOr<std::vector<TokenId>> FakeTextModel::Encode(absl::string_view text,
                                                           EncodeOptions options) const {
  if (text.size() > limits::kPromptBytes) {
    return MakeError(Reason::kPromptTooLong, absl::StrCat("prompt has ", text.size(),
                                                          " bytes, limit ", limits::kPromptBytes));
  }
  if (!IsValidUtf8(text)) return InvalidField("prompt", "is not valid UTF-8");
  std::vector<TokenId> ids;
  if (options.add_special_tokens) ids.push_back(kBos);
  while (!text.empty()) {
    std::size_t special = options.parse_special ? 0 : kNames.size();
    while (special < kNames.size() && !absl::StartsWith(text, kNames[special])) ++special;
    if (special < kNames.size()) {
      ids.push_back(kBos + static_cast<TokenId>(special));
      text.remove_prefix(kNames[special].size());
    } else {
      AppendBytes(text.substr(0, 1), ids);
      text.remove_prefix(1);
    }
  }
  return ids;
}

absl::StatusOr<RenderedChat> FakeTextModel::RenderChat(absl::Span<const Message> messages,
                                                       const RenderOptions& options) const {
  RenderedChat chat;
  AppendControl(chat, kBos);
  if (options_.writes_date || !options.tools_json.empty()) {
    AppendControl(chat, kImStart);
    absl::StrAppend(&chat.text, "system\n");
    if (options_.writes_date) {
      absl::StrAppend(&chat.text, "Today is ",
                      absl::FormatTime("%d %b %Y", options.now, absl::UTCTimeZone()), ".\n");
    }
    if (!options.tools_json.empty()) absl::StrAppend(&chat.text, "Tools: ", options.tools_json);
    AppendControl(chat, kImEnd);
    absl::StrAppend(&chat.text, "\n");
  }
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const Message& message = messages[i];
    if (message.role == "refused") {
      return MakeError(Reason::kTemplateFailed, "the chat template refused the messages");
    }
    absl::string_view text = message.text;
    const bool earlier = i + 1 < messages.size() || options.add_generation_prompt;
    if (const std::size_t end = text.find("</think>");
        options_.drops_reasoning && earlier && end != text.npos) {
      text.remove_prefix(end + 8);
    }
    AppendControl(chat, kImStart);
    absl::StrAppend(&chat.text, message.role, "\n", text);
    for (const ToolCall& call : message.tool_calls) {
      absl::StrAppend(&chat.text, "<call>", call.name, call.arguments_json, "</call>");
    }
    AppendControl(chat, kImEnd);
    absl::StrAppend(&chat.text, "\n");
  }
  if (options.add_generation_prompt) {
    AppendControl(chat, kImStart);
    absl::StrAppend(&chat.text, "assistant\n");
  }
  return chat;
}

absl::StatusOr<std::vector<TokenId>> FakeTextModel::EncodeRendered(const RenderedChat& chat,
                                                                   std::size_t begin) const {
  std::vector<TokenId> ids;
  const absl::string_view text = chat.text;
  std::size_t at = begin;
  for (const ControlToken& control : chat.controls) {
    if (control.begin < begin) continue;
    AppendBytes(text.substr(at, control.begin - at), ids);
    ids.push_back(control.id);
    at = control.end;
  }
  AppendBytes(text.substr(at), ids);
  return ids;
}

absl::StatusOr<std::vector<TokenId>> FakeTextModel::EncodeContinuation(
    absl::string_view text) const {
  std::vector<TokenId> ids;
  AppendBytes(text, ids);
  return ids;
}

absl::string_view FakeTextModel::TokenBytes(TokenId id) const {
  if (id >= 0 && id < kBos) {
    return absl::string_view(AllBytes()).substr(static_cast<std::size_t>(id), 1);
  }
  return IsSpecial(id) ? kNames[static_cast<std::size_t>(id - kBos)] : absl::string_view();
}

}  // namespace pintle::text

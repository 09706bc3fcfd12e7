// SPDX-License-Identifier: Apache-2.0
#include "sessions/turn_cost.h"

#include <variant>

#include "contract/limits.h"

namespace pintle {
namespace {

// A template's frame around each message: role, header and closing tokens, as text.
constexpr std::int64_t kMessageFrameBytes = 32;

}  // namespace

std::int64_t InputBytesOf(const GenerationInput& input) {
  if (const auto* prompt = std::get_if<PromptInput>(&input)) {
    return static_cast<std::int64_t>(prompt->text.size());
  }
  const auto* chat = std::get_if<ChatInput>(&input);
  if (chat == nullptr) return 0;
  auto bytes = static_cast<std::int64_t>(chat->tools_json.size());
  for (const Message& message : chat->messages) {
    bytes += kMessageFrameBytes + static_cast<std::int64_t>(message.text.size());
    for (const ToolCall& call : message.tool_calls) {
      bytes += static_cast<std::int64_t>(call.name.size() + call.arguments_json.size());
    }
  }
  return bytes;
}

std::int64_t InputTokensOf(const GenerationInput& input) {
  const auto* tokens = std::get_if<TokensInput>(&input);
  return tokens == nullptr ? 0 : static_cast<std::int64_t>(tokens->size());
}

std::int64_t OutputTokensOf(const GenerationRequest& request) {
  return static_cast<std::int64_t>(request.n) *
         request.stopping.max_tokens.value_or(limits::kMaxTokensDefault);
}

}  // namespace pintle

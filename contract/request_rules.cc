// SPDX-License-Identifier: Apache-2.0
#include "contract/request_rules.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "contract/status_macros.h"
#include "contract/utf8.h"

namespace pintle {
namespace {

// A field's path, put together only where it is at fault: "<list>[<index>]<member>", and below that
// "[<inner>]<leaf>".
struct Path {
  absl::string_view list;
  std::size_t index = 0;
  absl::string_view member = "";
  std::optional<std::size_t> inner = std::nullopt;
  absl::string_view leaf = "";

  std::string Text() const {
    const std::string outer = absl::StrCat(list, "[", index, "]", member);
    return inner ? absl::StrCat(outer, "[", *inner, "]", leaf) : outer;
  }
};

std::string PathText(const Path& path) { return path.Text(); }
std::string PathText(absl::string_view path) { return std::string(path); }

template <typename Field, typename Number>
absl::Status OutOfRange(const Field& field, Number value, Number low, Number high) {
  return InvalidField(PathText(field), absl::StrCat("is ", value, ", limit ", low, " to ", high));
}

template <typename Field>
absl::Status CheckInteger(const Field& field, std::int32_t value, std::int32_t low,
                          std::int32_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return OutOfRange(field, value, low, high);
}

template <typename Field>
absl::Status CheckFloat(const Field& field, float value, float low, float high) {
  // Written so that NaN fails.
  if (value >= low && value <= high) return absl::OkStatus();
  return OutOfRange(field, value, low, high);
}

absl::Status CheckFloat(absl::string_view field, const std::optional<float>& value, float low,
                        float high) {
  return value ? CheckFloat(field, *value, low, high) : absl::OkStatus();
}

template <typename Field>
absl::Status CheckCount(const Field& field, std::size_t count, std::size_t limit) {
  if (count <= limit) return absl::OkStatus();
  return InvalidField(PathText(field), absl::StrCat("has ", count, " entries, limit ", limit));
}

template <typename Field>
absl::Status CheckUtf8(const Field& field, absl::string_view text) {
  if (IsValidUtf8(text)) return absl::OkStatus();
  return InvalidField(PathText(field), "is not valid UTF-8");
}

template <typename Field>
absl::Status CheckText(const Field& field, absl::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    return InvalidField(PathText(field),
                        absl::StrCat("has ", text.size(), " bytes, limit ", bytes_max));
  }
  return CheckUtf8(field, text);
}

template <typename Field>
absl::Status CheckToken(const Field& field, TokenId token, std::int32_t vocabulary) {
  return CheckInteger(field, token, 0, vocabulary - 1);
}

template <typename Field>
absl::Status CheckName(const Field& field, absl::string_view name) {
  if (name.empty()) return InvalidField(PathText(field), "is empty");
  if (name.size() > limits::kNameBytes) {
    return InvalidField(PathText(field),
                        absl::StrCat("has ", name.size(), " bytes, limit ", limits::kNameBytes));
  }
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
  if (!plain) return InvalidField(PathText(field), "has characters outside of A-Z a-z 0-9 . _ -");
  return absl::OkStatus();
}

absl::Status PromptTooLong(absl::string_view field, std::size_t size, absl::string_view unit) {
  const std::string description =
      absl::StrCat("has ", size, " ", unit, ", limit ", limits::kPromptBytes);
  ErrorDetail detail;
  detail.reason = Reason::kPromptTooLong;
  detail.fields.push_back({std::string(field), description});
  return MakeError(std::move(detail), absl::StrCat(field, " ", description));
}

absl::Status CheckPrompt(const PromptInput& prompt) {
  if (prompt.text.size() > limits::kPromptBytes) {
    return PromptTooLong("prompt.text", prompt.text.size(), "bytes");
  }
  return CheckUtf8("prompt.text", prompt.text);
}

absl::Status CheckTokens(const TokensInput& tokens, std::int32_t vocabulary) {
  if (tokens.empty()) return InvalidField("tokens.ids", "is empty");
  // A token stands for at least one byte of prompt, so the bound in bytes bounds tokens too.
  if (tokens.size() > limits::kPromptBytes) {
    return PromptTooLong("tokens.ids", tokens.size(), "entries");
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    PINTLE_RETURN_IF_ERROR(CheckToken(Path{"tokens.ids", i}, tokens[i], vocabulary));
  }
  return absl::OkStatus();
}

std::size_t BytesOf(const Message& message) {
  std::size_t bytes = message.text.size();
  for (const ToolCall& call : message.tool_calls) bytes += call.arguments_json.size();
  return bytes;
}

absl::Status CheckToolCalls(std::size_t index, const std::vector<ToolCall>& calls) {
  Path path{"chat.messages", index, ".tool_calls"};
  PINTLE_RETURN_IF_ERROR(CheckCount(path, calls.size(), limits::kToolCallsPerMessage));
  for (std::size_t i = 0; i < calls.size(); ++i) {
    path.inner = i;
    path.leaf = ".id";
    PINTLE_RETURN_IF_ERROR(CheckText(path, calls[i].id, limits::kNameBytes));
    path.leaf = ".name";
    PINTLE_RETURN_IF_ERROR(CheckText(path, calls[i].name, limits::kNameBytes));
    path.leaf = ".arguments_json";
    PINTLE_RETURN_IF_ERROR(CheckUtf8(path, calls[i].arguments_json));
  }
  return absl::OkStatus();
}

absl::Status CheckMessage(std::size_t index, const Message& message) {
  constexpr absl::string_view kList = "chat.messages";
  PINTLE_RETURN_IF_ERROR(CheckName(Path{kList, index, ".role"}, message.role));
  PINTLE_RETURN_IF_ERROR(CheckUtf8(Path{kList, index, ".parts"}, message.text));
  PINTLE_RETURN_IF_ERROR(CheckToolCalls(index, message.tool_calls));
  PINTLE_RETURN_IF_ERROR(
      CheckText(Path{kList, index, ".tool_call_id"}, message.tool_call_id, limits::kNameBytes));
  return CheckText(Path{kList, index, ".name"}, message.name, limits::kNameBytes);
}

absl::Status CheckChat(const ChatInput& chat) {
  if (chat.messages.empty()) return InvalidField("chat.messages", "is empty");
  PINTLE_RETURN_IF_ERROR(CheckCount("chat.messages", chat.messages.size(), limits::kMessages));
  std::size_t bytes = 0;
  for (const Message& message : chat.messages) bytes += BytesOf(message);
  if (bytes > limits::kPromptBytes) return PromptTooLong("chat.messages", bytes, "bytes");
  for (std::size_t i = 0; i < chat.messages.size(); ++i) {
    PINTLE_RETURN_IF_ERROR(CheckMessage(i, chat.messages[i]));
  }
  PINTLE_RETURN_IF_ERROR(CheckText("chat.tools", chat.tools_json, limits::kToolsBytes));
  return CheckText("chat.template_arguments", chat.template_arguments_json,
                   limits::kTemplateArgumentsBytes);
}

}  // namespace

absl::Status ValidateName(absl::string_view field, absl::string_view name) {
  return CheckName(field, name);
}

absl::Status ValidateModelName(absl::string_view field, absl::string_view name) {
  PINTLE_RETURN_IF_ERROR(CheckText(field, name, limits::kModelNameBytes));
  const bool visible = std::all_of(name.begin(), name.end(), [](char c) {
    return absl::ascii_isgraph(static_cast<unsigned char>(c));
  });
  if (!visible) return InvalidField(field, "has characters that are not visible ASCII");
  return absl::OkStatus();
}

absl::Status ValidateInput(const GenerationInput& input, std::int32_t vocabulary) {
  if (const auto* prompt = std::get_if<PromptInput>(&input)) return CheckPrompt(*prompt);
  if (const auto* tokens = std::get_if<TokensInput>(&input)) {
    return CheckTokens(*tokens, vocabulary);
  }
  return CheckChat(std::get<ChatInput>(input));
}

absl::Status ValidateSampling(const SamplingOptions& sampling, std::int32_t vocabulary) {
  PINTLE_RETURN_IF_ERROR(
      CheckFloat("sampling.temperature", sampling.temperature, 0.0F, limits::kTemperatureMax));
  if (sampling.top_k) {
    PINTLE_RETURN_IF_ERROR(CheckInteger("sampling.top_k", *sampling.top_k, 0, kAnyVocabulary));
  }
  PINTLE_RETURN_IF_ERROR(CheckFloat("sampling.top_p", sampling.top_p, 0.0F, 1.0F));
  if (sampling.top_p == 0.0F) {
    return InvalidField("sampling.top_p", "is 0, limit above 0 to 1");
  }
  PINTLE_RETURN_IF_ERROR(CheckFloat("sampling.min_p", sampling.min_p, 0.0F, 1.0F));
  PINTLE_RETURN_IF_ERROR(CheckFloat("sampling.repetition_penalty", sampling.repetition_penalty,
                                    0.0F, limits::kPenaltyMax));
  if (sampling.repetition_penalty == 0.0F) {
    return InvalidField("sampling.repetition_penalty",
                        absl::StrCat("is 0, limit above 0 to ", limits::kPenaltyMax));
  }
  PINTLE_RETURN_IF_ERROR(CheckFloat("sampling.presence_penalty", sampling.presence_penalty,
                                    -limits::kOutputPenaltyMax, limits::kOutputPenaltyMax));
  PINTLE_RETURN_IF_ERROR(CheckFloat("sampling.frequency_penalty", sampling.frequency_penalty,
                                    -limits::kOutputPenaltyMax, limits::kOutputPenaltyMax));
  PINTLE_RETURN_IF_ERROR(
      CheckCount("sampling.logit_bias", sampling.logit_bias.size(), limits::kLogitBias));
  for (std::size_t i = 0; i < sampling.logit_bias.size(); ++i) {
    const auto& [token, bias] = sampling.logit_bias[i];
    PINTLE_RETURN_IF_ERROR(
        CheckToken(Path{"sampling.logit_bias", i, ".token_id"}, token, vocabulary));
    PINTLE_RETURN_IF_ERROR(CheckFloat(Path{"sampling.logit_bias", i, ".bias"}, bias,
                                      -limits::kLogitBiasMax, limits::kLogitBiasMax));
  }
  return absl::OkStatus();
}

absl::Status ValidateStopping(const StoppingOptions& stopping, std::int32_t vocabulary) {
  constexpr std::int32_t kAny = std::numeric_limits<std::int32_t>::max();
  if (stopping.max_tokens) {
    PINTLE_RETURN_IF_ERROR(CheckInteger("stopping.max_tokens", *stopping.max_tokens, 1, kAny));
  }
  if (stopping.min_tokens) {
    PINTLE_RETURN_IF_ERROR(CheckInteger("stopping.min_tokens", *stopping.min_tokens, 0,
                                        stopping.max_tokens.value_or(kAny)));
  }
  PINTLE_RETURN_IF_ERROR(CheckCount("stopping.stop", stopping.stop.size(), limits::kStopStrings));
  for (std::size_t i = 0; i < stopping.stop.size(); ++i) {
    const Path path{"stopping.stop", i};
    if (stopping.stop[i].empty()) return InvalidField(path.Text(), "is empty");
    PINTLE_RETURN_IF_ERROR(CheckText(path, stopping.stop[i], limits::kStopStringBytes));
  }
  PINTLE_RETURN_IF_ERROR(
      CheckCount("stopping.stop_token_ids", stopping.stop_token_ids.size(), limits::kStopTokenIds));
  for (std::size_t i = 0; i < stopping.stop_token_ids.size(); ++i) {
    PINTLE_RETURN_IF_ERROR(
        CheckToken(Path{"stopping.stop_token_ids", i}, stopping.stop_token_ids[i], vocabulary));
  }
  return absl::OkStatus();
}

absl::Status ValidateOutput(const OutputOptions& output) {
  PINTLE_RETURN_IF_ERROR(
      CheckInteger("output.top_logprobs", output.top_logprobs, 0, limits::kTopLogprobs));
  if (output.top_logprobs > 0 && !output.logprobs && !output.prompt_logprobs) {
    return InvalidField("output.top_logprobs", "needs output.logprobs or output.prompt_logprobs");
  }
  return absl::OkStatus();
}

absl::Status ValidateRequest(const GenerationRequest& request, std::int32_t vocabulary) {
  constexpr std::int32_t kAny = std::numeric_limits<std::int32_t>::max();
  PINTLE_RETURN_IF_ERROR(ValidateModelName("model", request.model));
  if (!request.session.empty()) {
    PINTLE_RETURN_IF_ERROR(ValidateName("session", request.session.value()));
  }
  // The cheap scalars first: a request refused for one costs no walk over its prompt.
  PINTLE_RETURN_IF_ERROR(ValidateSampling(request.sampling, vocabulary));
  PINTLE_RETURN_IF_ERROR(ValidateStopping(request.stopping, vocabulary));
  PINTLE_RETURN_IF_ERROR(ValidateOutput(request.output));
  PINTLE_RETURN_IF_ERROR(CheckInteger("n", request.n, 1, limits::kChoices));
  PINTLE_RETURN_IF_ERROR(CheckInteger("priority", request.priority, 0, limits::kPriorityMax));
  if (!request.request_id.empty()) {
    PINTLE_RETURN_IF_ERROR(ValidateName("request_id", request.request_id.value()));
  }
  if (request.expected_position) {
    PINTLE_RETURN_IF_ERROR(CheckInteger("expected_position", *request.expected_position, 0, kAny));
  }
  if (request.resume_from_index) {
    PINTLE_RETURN_IF_ERROR(CheckInteger("resume_from_index", *request.resume_from_index, 0, kAny));
  }
  return ValidateInput(request.input, vocabulary);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_GENERATION_H_
#define PINTLE_CONTRACT_GENERATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "contract/ids.h"

namespace pintle {

// --- What a client asks for. Unset optionals take the model's defaults (design section 4). ---

// A function call an assistant message carries; `arguments_json` is the model's own JSON text.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments_json;

  friend bool operator==(const ToolCall&, const ToolCall&) = default;
};

// One message of a conversation. `text` is the concatenation of its text parts.
struct Message {
  std::string role;
  std::string text;
  std::vector<ToolCall> tool_calls;
  std::string tool_call_id;
  std::string name;

  friend bool operator==(const Message&, const Message&) = default;
};

enum class History { kAppend, kReplace };

struct ChatInput {
  std::vector<Message> messages;
  // JSON array of tool definitions, empty for none; at most limits::kToolsBytes.
  std::string tools_json;
  // JSON object of further template variables, empty for none.
  std::string template_arguments_json;
  History history = History::kAppend;
};

struct PromptInput {
  std::string text;
  // Whether special tokens written in the text become control ids, as Hugging Face does.
  bool parse_special = true;
};

using TokensInput = std::vector<TokenId>;

using GenerationInput = std::variant<PromptInput, TokensInput, ChatInput>;

// As the client gave them; ResolvedSampling is what the engine uses.
struct SamplingOptions {
  std::optional<float> temperature;
  std::optional<std::int32_t> top_k;
  std::optional<float> top_p;
  std::optional<float> min_p;
  std::optional<float> repetition_penalty;
  std::optional<float> presence_penalty;
  std::optional<float> frequency_penalty;
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::optional<std::uint64_t> seed;
};

struct StoppingOptions {
  std::optional<std::int32_t> max_tokens;
  std::optional<std::int32_t> min_tokens;
  std::vector<std::string> stop;
  std::vector<TokenId> stop_token_ids;
  bool ignore_eos = false;
  bool include_stop_in_output = false;
};

struct OutputOptions {
  bool logprobs = false;
  std::int32_t top_logprobs = 0;
  bool prompt_logprobs = false;
  bool echo = false;
  bool skip_special_tokens = true;
};

enum class OnDisconnect { kCancel, kContinue };

struct GenerationRequest {
  std::string model;
  SessionId session;  // empty = one-shot
  GenerationInput input;
  SamplingOptions sampling;
  StoppingOptions stopping;
  OutputOptions output;
  std::int32_t n = 1;
  std::int32_t priority = 50;
  RequestId request_id;
  std::optional<Position> expected_position;
  std::optional<std::int32_t> resume_from_index;
  OnDisconnect on_disconnect = OnDisconnect::kCancel;
};

// --- What the engine runs: every default filled in, every value within its limits. ---

// Sampling of one sequence, as transformers' processors define each knob and in their order.
struct ResolvedSampling {
  float temperature = 0.0F;         // 0 = greedy
  std::int32_t top_k = 0;           // 0 = off
  float top_p = 1.0F;               // 1 = off
  float min_p = 0.0F;               // 0 = off
  float repetition_penalty = 1.0F;  // 1 = off; sees the whole context
  float presence_penalty = 0.0F;    // output tokens of this turn only
  float frequency_penalty = 0.0F;   // output tokens of this turn only
  std::vector<std::pair<TokenId, float>> logit_bias;
  std::uint64_t seed = 0;
};

struct ResolvedStopping {
  std::int32_t max_tokens = 1024;
  std::int32_t min_tokens = 0;
  // EOS ids (unless ignore_eos) and the client's stop ids, sorted; masked until min_tokens.
  std::vector<TokenId> eos_token_ids;
  std::vector<TokenId> stop_token_ids;
};

// --- What comes back. ---

enum class FinishReason { kStop, kEos, kLength, kCancelled };

struct TokenLogprob {
  TokenId token = 0;
  float logprob = 0.0F;
  // The most likely alternatives, best first, from the raw logits in f32.
  std::vector<std::pair<TokenId, float>> top;
};

// Prompt tokens answered from each place; their sum is cached_tokens.
struct CachedTokens {
  std::int32_t session = 0;  // the session's own KV of its last turn
  std::int32_t prefix = 0;   // shared blocks found through the prefix index
  std::int32_t host = 0;
  std::int32_t disk = 0;

  std::int32_t Total() const { return session + prefix + host + disk; }
};

struct Usage {
  std::int32_t prompt_tokens = 0;
  std::int32_t cached_tokens = 0;
  std::int32_t completion_tokens = 0;
};

struct Timings {
  absl::Duration queue = absl::ZeroDuration();
  absl::Duration time_to_first_token = absl::ZeroDuration();
  absl::Duration total = absl::ZeroDuration();
};

}  // namespace pintle

#endif  // PINTLE_CONTRACT_GENERATION_H_

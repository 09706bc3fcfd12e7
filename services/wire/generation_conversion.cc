// SPDX-License-Identifier: Apache-2.0
#include "services/wire/generation_conversion.h"

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/wire/message_conversion.h"

namespace pintle {
namespace {

PromptInput FromProto(const v1::Prompt& prompt) {
  PromptInput out;
  out.text = prompt.text();
  if (prompt.has_parse_special()) out.parse_special = prompt.parse_special();
  return out;
}

void ToProto(const PromptInput& prompt, v1::Prompt* out) {
  out->set_text(prompt.text);
  out->set_parse_special(prompt.parse_special);
}

SamplingOptions FromProto(const v1::SamplingOptions& in) {
  SamplingOptions out;
  if (in.has_temperature()) out.temperature = in.temperature();
  if (in.has_top_k()) out.top_k = in.top_k();
  if (in.has_top_p()) out.top_p = in.top_p();
  if (in.has_min_p()) out.min_p = in.min_p();
  if (in.has_repetition_penalty()) out.repetition_penalty = in.repetition_penalty();
  if (in.has_presence_penalty()) out.presence_penalty = in.presence_penalty();
  if (in.has_frequency_penalty()) out.frequency_penalty = in.frequency_penalty();
  for (const v1::LogitBias& bias : in.logit_bias()) {
    out.logit_bias.emplace_back(bias.token_id(), bias.bias());
  }
  if (in.has_seed()) out.seed = in.seed();
  return out;
}

void ToProto(const SamplingOptions& in, v1::SamplingOptions* out) {
  if (in.temperature) out->set_temperature(*in.temperature);
  if (in.top_k) out->set_top_k(*in.top_k);
  if (in.top_p) out->set_top_p(*in.top_p);
  if (in.min_p) out->set_min_p(*in.min_p);
  if (in.repetition_penalty) out->set_repetition_penalty(*in.repetition_penalty);
  if (in.presence_penalty) out->set_presence_penalty(*in.presence_penalty);
  if (in.frequency_penalty) out->set_frequency_penalty(*in.frequency_penalty);
  for (const auto& [token, bias] : in.logit_bias) {
    v1::LogitBias* proto = out->add_logit_bias();
    proto->set_token_id(token);
    proto->set_bias(bias);
  }
  if (in.seed) out->set_seed(*in.seed);
}

StoppingOptions FromProto(const v1::StoppingOptions& in) {
  StoppingOptions out;
  if (in.has_max_tokens()) out.max_tokens = in.max_tokens();
  if (in.has_min_tokens()) out.min_tokens = in.min_tokens();
  out.stop.assign(in.stop().begin(), in.stop().end());
  out.stop_token_ids = pintle::FromProto(in.stop_token_ids());
  out.ignore_eos = in.ignore_eos();
  out.include_stop_in_output = in.include_stop_in_output();
  return out;
}

void ToProto(const StoppingOptions& in, v1::StoppingOptions* out) {
  if (in.max_tokens) out->set_max_tokens(*in.max_tokens);
  if (in.min_tokens) out->set_min_tokens(*in.min_tokens);
  for (const std::string& stop : in.stop) out->add_stop(stop);
  pintle::ToProto(in.stop_token_ids, out->mutable_stop_token_ids());
  out->set_ignore_eos(in.ignore_eos);
  out->set_include_stop_in_output(in.include_stop_in_output);
}

OutputOptions FromProto(const v1::OutputOptions& in) {
  OutputOptions out;
  out.logprobs = in.logprobs();
  out.top_logprobs = in.top_logprobs();
  out.prompt_logprobs = in.prompt_logprobs();
  out.echo = in.echo();
  if (in.has_skip_special_tokens()) out.skip_special_tokens = in.skip_special_tokens();
  return out;
}

void ToProto(const OutputOptions& in, v1::OutputOptions* out) {
  out->set_logprobs(in.logprobs);
  out->set_top_logprobs(in.top_logprobs);
  out->set_prompt_logprobs(in.prompt_logprobs);
  out->set_echo(in.echo);
  out->set_skip_special_tokens(in.skip_special_tokens);
}

absl::StatusOr<GenerationInput> InputOf(const v1::GenerateRequest& request) {
  switch (request.input_case()) {
    case v1::GenerateRequest::kPrompt: return FromProto(request.prompt());
    case v1::GenerateRequest::kText: return PromptInput{request.text(), true};
    case v1::GenerateRequest::kTokens: return pintle::FromProto(request.tokens().ids());
    case v1::GenerateRequest::kChat: {
      PINTLE_ASSIGN_OR_RETURN(ChatInput chat, pintle::FromProto(request.chat()));
      return chat;
    }
    case v1::GenerateRequest::INPUT_NOT_SET: break;
  }
  return InvalidField("input", "is missing: set one of prompt, text, tokens, chat");
}

}  // namespace

absl::StatusOr<GenerationRequest> FromProto(const v1::GenerateRequest& request) {
  GenerationRequest out;
  out.model = request.model();
  out.session = SessionId(request.session());
  PINTLE_ASSIGN_OR_RETURN(out.input, InputOf(request));
  out.sampling = FromProto(request.sampling());
  out.stopping = FromProto(request.stopping());
  out.output = FromProto(request.output());
  if (request.has_n()) out.n = request.n();
  if (request.has_priority()) out.priority = request.priority();
  out.request_id = RequestId(request.request_id());
  if (request.has_expected_position()) out.expected_position = request.expected_position();
  if (request.has_resume_from_index()) out.resume_from_index = request.resume_from_index();
  switch (request.on_disconnect()) {
    case v1::ON_DISCONNECT_UNSPECIFIED:
    case v1::CANCEL: return out;
    case v1::CONTINUE: out.on_disconnect = OnDisconnect::kContinue; return out;
    default:
      return InvalidField("on_disconnect",
                          absl::StrCat("is ", static_cast<int>(request.on_disconnect()),
                                       ", which is no OnDisconnect"));
  }
}

void ToProto(const GenerationRequest& request, v1::GenerateRequest* out) {
  out->set_model(request.model);
  out->set_session(request.session.value());
  if (const auto* prompt = std::get_if<PromptInput>(&request.input)) {
    ToProto(*prompt, out->mutable_prompt());
  } else if (const auto* tokens = std::get_if<TokensInput>(&request.input)) {
    ToProto(*tokens, out->mutable_tokens()->mutable_ids());
  } else {
    ToProto(std::get<ChatInput>(request.input), out->mutable_chat());
  }
  ToProto(request.sampling, out->mutable_sampling());
  ToProto(request.stopping, out->mutable_stopping());
  ToProto(request.output, out->mutable_output());
  out->set_n(request.n);
  out->set_priority(request.priority);
  out->set_request_id(request.request_id.value());
  if (request.expected_position) out->set_expected_position(*request.expected_position);
  if (request.resume_from_index) out->set_resume_from_index(*request.resume_from_index);
  out->set_on_disconnect(request.on_disconnect == OnDisconnect::kContinue ? v1::CONTINUE
                                                                          : v1::CANCEL);
}

absl::StatusOr<TokenizeRequest> FromProto(const v1::TokenizeRequest& request) {
  TokenizeRequest out;
  out.model = request.model();
  if (request.has_add_generation_prompt()) {
    out.add_generation_prompt = request.add_generation_prompt();
  }
  switch (request.input_case()) {
    case v1::TokenizeRequest::kPrompt: out.input = FromProto(request.prompt()); return out;
    case v1::TokenizeRequest::kTokens: out.input = FromProto(request.tokens().ids()); return out;
    case v1::TokenizeRequest::kChat: {
      PINTLE_ASSIGN_OR_RETURN(out.input, FromProto(request.chat()));
      return out;
    }
    case v1::TokenizeRequest::INPUT_NOT_SET: break;
  }
  return InvalidField("input", "is missing: set one of prompt, tokens, chat");
}

void ToProto(const TokenizeRequest& request, v1::TokenizeRequest* out) {
  out->set_model(request.model);
  out->set_add_generation_prompt(request.add_generation_prompt);
  if (const auto* prompt = std::get_if<PromptInput>(&request.input)) {
    ToProto(*prompt, out->mutable_prompt());
  } else if (const auto* tokens = std::get_if<TokensInput>(&request.input)) {
    ToProto(*tokens, out->mutable_tokens()->mutable_ids());
  } else {
    ToProto(std::get<ChatInput>(request.input), out->mutable_chat());
  }
}

TokenizeResult FromProto(const v1::TokenizeResponse& response) {
  return {FromProto(response.token_ids()), response.text()};
}

void ToProto(const TokenizeResult& result, v1::TokenizeResponse* out) {
  ToProto(result.tokens, out->mutable_token_ids());
  out->set_text(result.text);
}

absl::StatusOr<CancelMode> FromProto(v1::Keep keep) {
  switch (keep) {
    case v1::KEEP_UNSPECIFIED:
    case v1::ROLLBACK: return CancelMode::kRollback;
    case v1::COMMIT_PARTIAL: return CancelMode::kCommitPartial;
    default:
      return InvalidField("keep",
                          absl::StrCat("is ", static_cast<int>(keep), ", which is no Keep"));
  }
}

v1::Keep ToProto(CancelMode mode) {
  return mode == CancelMode::kCommitPartial ? v1::COMMIT_PARTIAL : v1::ROLLBACK;
}

ModelInfo FromProto(const v1::Model& model) {
  ModelInfo out;
  out.name = model.name();
  out.architecture = model.architecture();
  out.fingerprint = model.fingerprint();
  out.dtype = model.dtype();
  out.kv_dtype = model.kv_dtype();
  out.device = model.device();
  out.kernels = model.kernels();
  out.context_tokens = model.context_tokens();
  out.vocabulary = model.vocabulary();
  out.block_tokens = model.block_tokens();
  out.kv_bytes_per_token = model.kv_bytes_per_token();
  out.weight_bytes = model.weight_bytes();
  out.has_chat_template = model.has_chat_template();
  out.batch_invariant = model.batch_invariant();
  return out;
}

void ToProto(const ModelInfo& model, v1::Model* out) {
  out->set_name(model.name);
  out->set_architecture(model.architecture);
  out->set_fingerprint(model.fingerprint);
  out->set_dtype(model.dtype);
  out->set_kv_dtype(model.kv_dtype);
  out->set_device(model.device);
  out->set_kernels(model.kernels);
  out->set_context_tokens(model.context_tokens);
  out->set_vocabulary(model.vocabulary);
  out->set_block_tokens(model.block_tokens);
  out->set_kv_bytes_per_token(model.kv_bytes_per_token);
  out->set_weight_bytes(model.weight_bytes);
  out->set_has_chat_template(model.has_chat_template);
  out->set_batch_invariant(model.batch_invariant);
}

}  // namespace pintle

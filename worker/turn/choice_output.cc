// SPDX-License-Identifier: Apache-2.0
#include "worker/turn/choice_output.h"

#include <algorithm>
#include <utility>

#include "contract/check.h"
#include "contract/status_macros.h"

namespace pintle {
namespace {

bool Contains(const std::vector<TokenId>& sorted, TokenId token) {
  return std::binary_search(sorted.begin(), sorted.end(), token);
}

}  // namespace

ChoiceOutput::ChoiceOutput(std::int32_t choice, const text::TextModel& model,
                           const GenerationRequest& request, ResolvedStopping stopping)
    : choice_(choice),
      stopping_(std::move(stopping)),
      text_(model, {.stop = request.stopping.stop,
                    .include_stop_in_output = request.stopping.include_stop_in_output,
                    .skip_special = request.output.skip_special_tokens}) {}

text::TokenTreatment ChoiceOutput::TreatmentOf(const EngineToken& token) const {
  if (Contains(stopping_.eos_token_ids, token.token) ||
      Contains(stopping_.stop_token_ids, token.token)) {
    return text::TokenTreatment::kSilent;
  }
  return token.index + 1 < stopping_.min_tokens ? text::TokenTreatment::kUnchecked
                                                : text::TokenTreatment::kNormal;
}

absl::StatusOr<std::optional<TurnChunk>> ChoiceOutput::Push(EngineToken token) {
  PINTLE_CHECK(!finished_, "a token for a finished choice");
  if (token.logprob) logprobs_.push_back(*std::move(token.logprob));
  PINTLE_ASSIGN_OR_RETURN(text::DeliveredText delivered,
                          text_.Push(token.token, TreatmentOf(token)));
  if (text_.stopped()) {
    finished_ = true;
    reason_ = FinishReason::kStop;
  }
  return Chunk(std::move(delivered));
}

std::optional<TurnChunk> ChoiceOutput::Finish(FinishReason reason) {
  PINTLE_CHECK(!finished_, "a choice finishes once");
  finished_ = true;
  reason_ = reason;
  return Chunk(text_.Finish());
}

std::optional<TurnChunk> ChoiceOutput::Chunk(text::DeliveredText delivered) {
  if (delivered.token_ids.empty()) return std::nullopt;
  TurnChunk chunk;
  chunk.choice = choice_;
  chunk.first_index = static_cast<std::int32_t>(delivered_.size());
  chunk.text = std::move(delivered.text);
  // Ids that re-spell the delivered part of a cut token were never sampled: they have no
  // log-probability, and they come last.
  for (std::size_t i = 0; i < delivered.sampled_tokens && !logprobs_.empty(); ++i) {
    chunk.logprobs.push_back(std::move(logprobs_.front()));
    logprobs_.pop_front();
  }
  delivered_.insert(delivered_.end(), delivered.token_ids.begin(), delivered.token_ids.end());
  chunk.tokens = std::move(delivered.token_ids);
  return chunk;
}

}  // namespace pintle

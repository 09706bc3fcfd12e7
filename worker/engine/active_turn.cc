// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/active_turn.h"

#include <algorithm>
#include <utility>

namespace pintle {
namespace {

bool Contains(const std::vector<TokenId>& ids, TokenId token) {
  return std::find(ids.begin(), ids.end(), token) != ids.end();
}

}  // namespace

ActiveTurn::ActiveTurn(TurnId id, EngineTurn request, absl::Duration submitted,
                       std::int32_t max_tokens)
    : id_(id),
      request_(std::move(request)),
      standing_{request_.priority, submitted, id},
      max_tokens_(max_tokens),
      choices_(static_cast<std::size_t>(request_.n)) {
  masked_ = request_.stopping.eos_token_ids;
  masked_.insert(masked_.end(), request_.stopping.stop_token_ids.begin(),
                 request_.stopping.stop_token_ids.end());
  for (ActiveChoice& choice : choices_) choice.tokens = request_.prompt;
}

bool ActiveTurn::Settled() const {
  return std::all_of(choices_.begin(), choices_.end(),
                     [](const ActiveChoice& choice) { return choice.ended; });
}

std::int32_t ActiveTurn::Places() const {
  std::int32_t places = 1;
  for (std::size_t i = 1; i < choices_.size(); ++i) places += choices_[i].ended ? 0 : 1;
  return places;
}

absl::Span<const TokenId> ActiveTurn::AdmissionTokens() const {
  return choices() > 1 ? prompt() : absl::MakeConstSpan(choices_[0].tokens);
}

std::int32_t ActiveTurn::TokensLeft(std::int32_t index) const {
  const ActiveChoice& own = choice(index);
  if (!own.kv.valid() || Settled()) return 0;
  if (AwaitsFork()) return prompt_tokens() - own.kv.tokens();
  return own.ended ? 0 : static_cast<std::int32_t>(own.tokens.size()) - own.kv.tokens();
}

absl::Span<const TokenId> ActiveTurn::Output(std::int32_t index) const {
  return absl::MakeConstSpan(choice(index).tokens).subspan(request_.prompt.size());
}

std::int32_t ActiveTurn::OutputLeft(std::int32_t index) const {
  return max_tokens_ - static_cast<std::int32_t>(Output(index).size());
}

absl::Span<const TokenId> ActiveTurn::Masked(std::int32_t index, std::int32_t ahead) const {
  const auto made = static_cast<std::int32_t>(Output(index).size()) + ahead;
  if (made >= request_.stopping.min_tokens) return {};
  return masked_;
}

std::optional<FinishReason> ActiveTurn::Ending(std::int32_t index, TokenId token,
                                               std::int32_t ahead) const {
  if (Contains(request_.stopping.eos_token_ids, token)) return FinishReason::kEos;
  if (Contains(request_.stopping.stop_token_ids, token)) return FinishReason::kStop;
  if (ahead + 1 >= OutputLeft(index)) return FinishReason::kLength;
  return std::nullopt;
}

std::optional<FinishReason> ActiveTurn::Accept(std::int32_t index, TokenId token) {
  const std::optional<FinishReason> reason = Ending(index, token, 0);
  ActiveChoice& own = choice(index);
  own.tokens.push_back(token);
  own.ended = reason.has_value();
  return reason;
}

void ActiveTurn::Repin(Pin pin, absl::Duration lease) {
  request_.pin = std::move(pin);
  request_.lease = lease;
}

}  // namespace pintle

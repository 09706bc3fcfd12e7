// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/token_penalties.h"

#include <algorithm>
#include <limits>

#include "contract/check.h"

namespace pintle {
namespace {

bool Inside(absl::Span<const float> row, TokenId token) {
  return token >= 0 && static_cast<std::size_t>(token) < row.size();
}

}  // namespace

bool TokenPenalties::Apply(absl::Span<float> row, const SampleRequest& request) {
  PINTLE_CHECK(request.sampling != nullptr, "only sampled rows have penalties");
  const ResolvedSampling& sampling = *request.sampling;
  changes_.clear();
  if (sampling.presence_penalty != 0.0F || sampling.frequency_penalty != 0.0F) {
    PenalizeOutput(row, request);
  }
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (Inside(row, token)) Change(row, token, row[static_cast<std::size_t>(token)] + bias);
  }
  if (sampling.repetition_penalty != 1.0F) PenalizeRepetition(row, request);
  for (const TokenId token : request.masked) {
    if (Inside(row, token)) Change(row, token, -std::numeric_limits<float>::infinity());
  }
  return !changes_.empty();
}

float TokenPenalties::RawLogit(absl::Span<const float> row, TokenId token) const {
  // The first change of a token holds its raw logit.
  const auto change = std::find_if(changes_.begin(), changes_.end(),
                                   [token](const auto& entry) { return entry.first == token; });
  return change != changes_.end() ? change->second : row[static_cast<std::size_t>(token)];
}

void TokenPenalties::ClearMarks(std::size_t vocabulary) {
  if (marks_.size() < vocabulary) marks_.resize(vocabulary);
  marked_.clear();
  if (++round_ == 0) {
    std::fill(marks_.begin(), marks_.end(), Mark{});
    round_ = 1;
  }
}

void TokenPenalties::Change(absl::Span<float> row, TokenId token, float logit) {
  float& slot = row[static_cast<std::size_t>(token)];
  changes_.emplace_back(token, slot);
  slot = logit;
}

void TokenPenalties::PenalizeOutput(absl::Span<float> row, const SampleRequest& request) {
  ClearMarks(row.size());
  for (const TokenId token : request.output) {
    if (!Inside(row, token)) continue;
    Mark& mark = marks_[static_cast<std::size_t>(token)];
    if (mark.round != round_) {
      mark = {round_, 0};
      marked_.push_back(token);
    }
    ++mark.count;
  }
  const ResolvedSampling& sampling = *request.sampling;
  for (const TokenId token : marked_) {
    const auto count = static_cast<float>(marks_[static_cast<std::size_t>(token)].count);
    const float penalty = sampling.presence_penalty + sampling.frequency_penalty * count;
    Change(row, token, row[static_cast<std::size_t>(token)] - penalty);
  }
}

void TokenPenalties::PenalizeRepetition(absl::Span<float> row, const SampleRequest& request) {
  ClearMarks(row.size());
  const float penalty = request.sampling->repetition_penalty;
  for (const TokenId token : request.context) {
    if (!Inside(row, token)) continue;
    Mark& mark = marks_[static_cast<std::size_t>(token)];
    if (mark.round == round_) continue;
    mark.round = round_;
    const float logit = row[static_cast<std::size_t>(token)];
    Change(row, token, logit < 0.0F ? logit * penalty : logit / penalty);
  }
}

}  // namespace pintle

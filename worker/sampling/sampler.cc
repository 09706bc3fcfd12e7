// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "contract/check.h"
#include "contract/errors.h"
#include "worker/sampling/counter_random.h"
#include "worker/sampling/row_kernels.h"

namespace pintle {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Logits are divided by the temperature as a product. A temperature so small that its inverse
// overflows leaves only the best token, which is what greedy means.
bool IsGreedy(const ResolvedSampling& sampling) {
  return !(sampling.temperature > 0.0F) || !std::isfinite(1.0F / sampling.temperature);
}

bool HasTopK(const ResolvedSampling& sampling, std::size_t vocabulary) {
  return sampling.top_k > 0 && static_cast<std::size_t>(sampling.top_k) < vocabulary;
}

float Logprob(float logit, double log_sum) {
  return static_cast<float>(static_cast<double>(logit) - log_sum);
}

// First index of [first, last) whose running weight passes `target`, or, where rounding leaves
// none, the last one with a weight.
std::size_t Walk(absl::Span<const float> weights, std::size_t first, std::size_t last, double mass,
                 double target) {
  std::size_t drawn = first;
  for (std::size_t i = first; i < last; ++i) {
    if (weights[i] == 0.0F) continue;
    drawn = i;
    mass += weights[i];
    if (mass > target) break;
  }
  return drawn;
}

}  // namespace

void Sampler::Sample(absl::Span<float> logits, const SampleRequest& request, SampledRow& out) {
  out.token = -1;
  out.logprob = 0.0F;
  out.top.clear();
  out.status = Scan(logits);
  if (!out.status.ok()) return;
  const bool scored = request.sampling == nullptr || request.logprobs || request.top_logprobs > 0;
  if (scored) Score(logits, request.top_logprobs, out);
  if (request.sampling == nullptr) {
    if (request.target < 0 || static_cast<std::size_t>(request.target) >= logits.size()) {
      out.status = MakeError(Reason::kModelFailed, "the token to score is outside the vocabulary");
      return;
    }
    out.token = request.target;
    out.logprob = Logprob(logits[static_cast<std::size_t>(out.token)], log_sum_);
    return;
  }
  if (penalties_.Apply(logits, request)) out.status = Scan(logits);
  if (!out.status.ok()) return;
  if (IsGreedy(*request.sampling)) {
    out.token = Greedy(logits);
  } else {
    Weigh(logits, *request.sampling);
    out.token = Draw(CounterRandom(request.sampling->seed).Uniform(request.choice, request.index));
  }
  if (scored) out.logprob = Logprob(penalties_.RawLogit(logits, out.token), log_sum_);
}

std::vector<std::pair<TokenId, double>> Sampler::Distribution(absl::Span<float> logits,
                                                              const SampleRequest& request) {
  PINTLE_CHECK(request.sampling != nullptr, "a scored row draws nothing");
  if (!Scan(logits).ok()) return {};
  if (penalties_.Apply(logits, request) && !Scan(logits).ok()) return {};
  if (IsGreedy(*request.sampling)) return {{Greedy(logits), 1.0}};
  Weigh(logits, *request.sampling);
  std::vector<std::pair<TokenId, double>> distribution;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    if (weights_[i] == 0.0F) continue;
    const TokenId token = restricted_ ? selection_.tokens()[i] : static_cast<TokenId>(i);
    distribution.emplace_back(token, weights_[i] / total_);
  }
  return distribution;
}

absl::Status Sampler::Scan(absl::Span<float> row) {
  chunk_max_.resize(sampling::ChunksOf(row.size()));
  sampling::RowScan scan = sampling::ScanRow(row, absl::MakeSpan(chunk_max_));
  if (scan.has_nan) return MakeError(Reason::kModelFailed, "the model's logits contain NaN");
  if (scan.max == -kInfinity) {
    return MakeError(Reason::kModelFailed, "no token is left that could be sampled");
  }
  if (scan.max == kInfinity) {
    for (float& logit : row) logit = logit == kInfinity ? 0.0F : -kInfinity;
    scan = sampling::ScanRow(row, absl::MakeSpan(chunk_max_));
  }
  max_ = scan.max;
  return absl::OkStatus();
}

void Sampler::Score(absl::Span<const float> row, std::int32_t top_logprobs, SampledRow& out) {
  weights_.resize(row.size());
  chunk_sum_.resize(chunk_max_.size());
  log_sum_ = static_cast<double>(max_) +
             std::log(sampling::WeighRow(row, max_, 1.0F, 0.0F, absl::MakeSpan(weights_),
                                         absl::MakeSpan(chunk_sum_)));
  if (top_logprobs <= 0) return;
  const std::size_t count = std::min(static_cast<std::size_t>(top_logprobs), row.size());
  selection_.SelectTop(row, chunk_max_, count);
  for (std::size_t i = 0; i < selection_.tokens().size(); ++i) {
    out.top.emplace_back(selection_.tokens()[i], selection_.logits()[i]);
  }
  const auto kept = out.top.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(out.top.begin(), kept, out.top.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  out.top.erase(kept, out.top.end());
  for (auto& [token, logit] : out.top) logit = Logprob(logit, log_sum_);
}

TokenId Sampler::Greedy(absl::Span<const float> row) const {
  const auto chunk = std::find(chunk_max_.begin(), chunk_max_.end(), max_);
  const auto first = static_cast<std::size_t>(chunk - chunk_max_.begin()) * sampling::kChunkTokens;
  const auto best = std::find(row.begin() + static_cast<std::ptrdiff_t>(first), row.end(), max_);
  return static_cast<TokenId>(best - row.begin());
}

void Sampler::Weigh(absl::Span<const float> row, const ResolvedSampling& sampling) {
  const bool has_top_p = sampling.top_p < 1.0F;
  // min_p comes after top_p, whose mass still counts the tokens that min_p will drop.
  const float floor = has_top_p ? 0.0F : sampling.min_p;
  restricted_ = HasTopK(sampling, row.size());
  if (restricted_) {
    selection_.SelectTop(row, chunk_max_, static_cast<std::size_t>(sampling.top_k));
    row = selection_.logits();
  }
  weights_.resize(row.size());
  chunk_sum_.resize(sampling::ChunksOf(row.size()));
  total_ = sampling::WeighRow(row, max_, 1.0F / sampling.temperature, floor,
                              absl::MakeSpan(weights_), absl::MakeSpan(chunk_sum_));
  if (!has_top_p) return;
  const double mass = static_cast<double>(sampling.top_p) * total_;
  if (!restricted_) Restrict(row, sampling);
  nucleus_.Cut(absl::MakeSpan(weights_), mass);
  total_ = 0.0;
  for (float& weight : weights_) {
    if (weight < sampling.min_p) weight = 0.0F;
    total_ += weight;
  }
}

void Sampler::Restrict(absl::Span<const float> row, const ResolvedSampling& sampling) {
  // Tokens that weigh less than an equal share of the tail that top_p cuts are outside: together
  // they cannot fill it. The factor and the slack leave room for rounding.
  const double tail = (1.0 - static_cast<double>(sampling.top_p)) * total_;
  const double share = std::max(0.99 * tail / static_cast<double>(row.size()),
                                0.99 * static_cast<double>(sampling.min_p));
  const double floor =
      max_ + sampling.temperature * std::log(share) - 1e-6 * std::abs(static_cast<double>(max_));
  selection_.SelectAtLeast(row, chunk_max_, static_cast<float>(floor));
  // Ids rise, so no weight is overwritten before it is read.
  const absl::Span<const TokenId> tokens = selection_.tokens();
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    weights_[i] = weights_[static_cast<std::size_t>(tokens[i])];
  }
  weights_.resize(tokens.size());
  restricted_ = true;
}

TokenId Sampler::Draw(double uniform) const {
  const double target = uniform * total_;
  if (restricted_) {
    return selection_.tokens()[Walk(weights_, 0, weights_.size(), 0.0, target)];
  }
  double mass = 0.0;
  std::size_t chunk = 0;
  for (std::size_t c = 0; c < chunk_sum_.size(); ++c) {
    if (chunk_sum_[c] == 0.0F) continue;
    chunk = c;
    if (mass + chunk_sum_[c] > target) break;
    mass += chunk_sum_[c];
  }
  const std::size_t first = chunk * sampling::kChunkTokens;
  const std::size_t last = std::min(first + sampling::kChunkTokens, weights_.size());
  return static_cast<TokenId>(Walk(weights_, first, last, mass, target));
}

}  // namespace pintle

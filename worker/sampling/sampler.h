// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_SAMPLER_H_
#define PINTLE_WORKER_SAMPLING_SAMPLER_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/model/seam/step_batch.h"
#include "worker/sampling/logit_selection.h"
#include "worker/sampling/nucleus.h"
#include "worker/sampling/token_penalties.h"

namespace pintle {

// From one row of logits to one token. The order is: logprobs of the raw logits; TokenPenalties;
// temperature, top_k, top_p, min_p as transformers' processors; one draw of CounterRandom. The
// README of this folder says what happens at the edges of each.
// Thread: one Sampler per thread. A pure function of its arguments: rows in any order, on any
// thread, give the same tokens.
// Owns scratch of about 30 bytes per vocabulary entry, grown at first use and then kept.
// Fails: a row with NaN, or with no token left to draw, gets MODEL_FAILED in its own status.
class Sampler {
 public:
  // Fills `out`. `logits` is the row of the whole vocabulary and is scratch: it may come back
  // changed. A request without `sampling` only scores `target`.
  void Sample(absl::Span<float> logits, const SampleRequest& request, SampledRow& out);

  // The distribution Sample draws from: (token, probability) in id order, only tokens that can be
  // drawn; empty where Sample fails. Greedy gives one token. For tests and diagnosis.
  std::vector<std::pair<TokenId, double>> Distribution(absl::Span<float> logits,
                                                       const SampleRequest& request);

 private:
  // The maximum of the row; its chunk maxima go to chunk_max_. +infinity is the limit of a logit
  // that grows: such tokens become 0 and all others -infinity.
  // INTERNAL / MODEL_FAILED on NaN or if nothing is above -infinity.
  absl::Status Scan(absl::Span<float> row);
  // Raw log-softmax of the row: sets log_sum_ and out.top.
  void Score(absl::Span<const float> row, std::int32_t top_logprobs, SampledRow& out);
  // The lowest id with the greatest logit.
  TokenId Greedy(absl::Span<const float> row) const;
  // Sets weights_ and total_ to what may be drawn, after temperature and the cuts.
  void Weigh(absl::Span<const float> row, const ResolvedSampling& sampling);
  // Drops from weights_ most of the tokens that top_p will cut anyway, in one pass.
  void Restrict(absl::Span<const float> row, const ResolvedSampling& sampling);
  // The token at `uniform` of the cumulated weights, in id order.
  TokenId Draw(double uniform) const;

  TokenPenalties penalties_;
  LogitSelection selection_;
  Nucleus nucleus_;
  std::vector<float> chunk_max_;
  std::vector<float> chunk_sum_;
  // Weight of each token of the vocabulary, or of each token of selection_ if restricted_.
  std::vector<float> weights_;
  bool restricted_ = false;
  double total_ = 0.0;
  float max_ = 0.0F;
  double log_sum_ = 0.0;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_SAMPLER_H_

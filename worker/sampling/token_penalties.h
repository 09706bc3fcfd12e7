// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_TOKEN_PENALTIES_H_
#define PINTLE_WORKER_SAMPLING_TOKEN_PENALTIES_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"
#include "worker/model/seam/step_batch.h"

namespace pintle {

// Changes the logits of single tokens, before temperature and cuts, in this order:
//   1. presence and frequency, as OpenAI's API: logit -= presence + frequency * count, for tokens
//      of this turn's output;
//   2. logit_bias: logit += bias (entries of one token add up);
//   3. repetition, as transformers' processor: each token of the whole context once, a negative
//      logit multiplied by the penalty, any other divided;
//   4. masked tokens become -infinity.
// 2 before 3 before 4 is the order of transformers' own bias, repetition and minimum-length
// processors. Token ids outside the row are ignored, as transformers does.
// Thread: one at a time. Owns scratch of 8 bytes per vocabulary entry. Never fails.
class TokenPenalties {
 public:
  // Applies the request's options to the row; whether it may have changed anything.
  // Requires: request.sampling is set. Costs O(context) only where repetition_penalty is on.
  bool Apply(absl::Span<float> row, const SampleRequest& request);

  // The logit of `token` before the last Apply changed `row`. Costs O(tokens changed).
  float RawLogit(absl::Span<const float> row, TokenId token) const;

 private:
  struct Mark {
    std::uint32_t round = 0;
    std::int32_t count = 0;
  };

  // Starts a new set of marked tokens, empty.
  void ClearMarks(std::size_t vocabulary);
  void Change(absl::Span<float> row, TokenId token, float logit);
  void PenalizeOutput(absl::Span<float> row, const SampleRequest& request);
  void PenalizeRepetition(absl::Span<float> row, const SampleRequest& request);

  // A mark counts only if its round is the current one, so that clearing costs nothing.
  std::vector<Mark> marks_;
  std::uint32_t round_ = 0;
  std::vector<TokenId> marked_;
  // (token, logit before), in the order of the changes.
  std::vector<std::pair<TokenId, float>> changes_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_TOKEN_PENALTIES_H_

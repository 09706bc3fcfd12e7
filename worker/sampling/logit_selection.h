// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_LOGIT_SELECTION_H_
#define PINTLE_WORKER_SAMPLING_LOGIT_SELECTION_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "contract/ids.h"

namespace pintle {

// The tokens of one row that reach a threshold, in the order of their ids. It never sorts the
// vocabulary: the k-th largest chunk maximum bounds the k-th largest logit from below, so only
// chunks above that bound are looked into.
// Thread: one at a time. Owns its lists, at most 8 bytes per vocabulary entry. Never fails.
class LogitSelection {
 public:
  // Selects every token with logit >= floor.
  // Requires: chunk_max holds the row's chunk maxima (row_kernels.h); no NaN in the row.
  void SelectAtLeast(absl::Span<const float> row, absl::Span<const float> chunk_max, float floor);

  // Selects every token whose logit is at least the k-th largest. As in transformers' TopK, ties
  // with the k-th stay, so that more than k tokens may be selected.
  // Requires: 1 <= k <= row.size(), and as SelectAtLeast. Expected cost O(vocabulary / 64 + 64 k).
  void SelectTop(absl::Span<const float> row, absl::Span<const float> chunk_max, std::size_t k);

  absl::Span<const TokenId> tokens() const { return tokens_; }
  absl::Span<const float> logits() const { return logits_; }

 private:
  // The k-th largest of `values`, which is copied to scratch.
  float KthLargest(absl::Span<const float> values, std::size_t k);

  std::vector<TokenId> tokens_;
  std::vector<float> logits_;
  std::vector<float> scratch_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_LOGIT_SELECTION_H_

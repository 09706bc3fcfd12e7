// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/logit_selection.h"

#include <algorithm>
#include <functional>
#include <limits>

#include "contract/check.h"
#include "worker/sampling/row_kernels.h"

namespace pintle {

void LogitSelection::SelectAtLeast(absl::Span<const float> row, absl::Span<const float> chunk_max,
                                   float floor) {
  PINTLE_CHECK(chunk_max.size() == sampling::ChunksOf(row.size()), "one maximum per chunk");
  tokens_.clear();
  logits_.clear();
  for (std::size_t c = 0; c < chunk_max.size(); ++c) {
    if (chunk_max[c] < floor) continue;
    const std::size_t last = std::min((c + 1) * sampling::kChunkTokens, row.size());
    for (std::size_t i = c * sampling::kChunkTokens; i < last; ++i) {
      if (row[i] < floor) continue;
      tokens_.push_back(static_cast<TokenId>(i));
      logits_.push_back(row[i]);
    }
  }
}

void LogitSelection::SelectTop(absl::Span<const float> row, absl::Span<const float> chunk_max,
                               std::size_t k) {
  PINTLE_CHECK(k >= 1 && k <= row.size(), "k counts tokens of the row");
  const float bound =
      k <= chunk_max.size() ? KthLargest(chunk_max, k) : -std::numeric_limits<float>::infinity();
  SelectAtLeast(row, chunk_max, bound);
  if (tokens_.size() <= k) return;
  const float threshold = KthLargest(logits_, k);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    if (logits_[i] < threshold) continue;
    tokens_[kept] = tokens_[i];
    logits_[kept] = logits_[i];
    ++kept;
  }
  tokens_.resize(kept);
  logits_.resize(kept);
}

float LogitSelection::KthLargest(absl::Span<const float> values, std::size_t k) {
  scratch_.assign(values.begin(), values.end());
  const auto kth = scratch_.begin() + static_cast<std::ptrdiff_t>(k - 1);
  std::nth_element(scratch_.begin(), kth, scratch_.end(), std::greater<>());
  return *kth;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_SAMPLING_NUCLEUS_H_
#define PINTLE_WORKER_SAMPLING_NUCLEUS_H_

#include <cstddef>
#include <vector>

#include "absl/types/span.h"

namespace pintle {

// The top_p cut: keeps the fewest heaviest tokens whose mass reaches the target, as transformers'
// TopP does: a token stays iff the mass of the tokens before it is less than the target. Equal
// weights are ordered by token id, the lower first (transformers leaves that to its sort).
// Thread: one at a time. Owns a copy of the weights under way. Never fails.
class Nucleus {
 public:
  // Sets the weights of the tokens outside to 0; at least the heaviest token stays.
  // Requires: weights >= 0, not all 0, in the order of token ids. Expected cost O(weights.size()).
  void Cut(absl::Span<float> weights, double target_mass);

 private:
  struct Entry {
    float weight;
    std::size_t order;
  };

  std::vector<Entry> entries_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_NUCLEUS_H_

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
// Thread: one at a time. Owns a histogram of 130 KB and a copy of the weights under way.
// Never fails.
class Nucleus {
 public:
  // Sets the weights of the tokens outside to 0; at least the heaviest token stays.
  // Requires: weights >= 0, not all 0, in the order of token ids.
  // Expected cost O(weights.size()): of many weights, one pass finds the bin in which the cut lies;
  // a selection by mass finds the cut.
  void Cut(absl::Span<float> weights, double target_mass);

 private:
  struct Entry {
    float weight;
    std::size_t order;
  };

  // Whether `a` comes before `b` in the order of the cut.
  static bool Before(const Entry& a, const Entry& b);
  // Adds the bin of the cut to entries_; the mass of all heavier bins.
  double SelectBin(absl::Span<const float> weights, double target_mass);

  std::vector<double> bin_mass_;
  std::vector<Entry> entries_;
};

}  // namespace pintle

#endif  // PINTLE_WORKER_SAMPLING_NUCLEUS_H_

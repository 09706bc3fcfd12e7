// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/nucleus.h"

#include <algorithm>

#include "contract/check.h"

namespace pintle {

void Nucleus::Cut(absl::Span<float> weights, double target_mass) {
  entries_.clear();
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0.0F) entries_.push_back({weights[i], i});
  }
  PINTLE_CHECK(!entries_.empty(), "a distribution has mass");
  const auto before = [](const Entry& a, const Entry& b) {
    return a.weight != b.weight ? a.weight > b.weight : a.order < b.order;
  };
  // A quickselect by mass: the last entry that stays is in [first, last), and `mass` is what the
  // entries before `first` weigh.
  auto first = entries_.begin();
  auto last = entries_.end();
  double mass = 0.0;
  while (last - first > 1) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, before);
    double upper = mass;
    for (auto entry = first; entry != middle; ++entry) upper += entry->weight;
    if (upper >= target_mass) {
      last = middle;
    } else {
      mass = upper;
      first = middle;
    }
  }
  const Entry cut = *first;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (before(cut, {weights[i], i})) weights[i] = 0.0F;
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/nucleus.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "contract/check.h"

namespace pintle {
namespace {

// The bits of a positive float rise with its value, so their upper half is a logarithmic bin: 128
// bins to the octave. Whatever is 1 or more shares the last bin; the sampler's weights are at most
// 1.
constexpr int kBinShift = 16;
constexpr std::size_t kBins = (std::bit_cast<std::uint32_t>(1.0F) >> kBinShift) + 1;

// Clearing and reading the histogram costs about what selecting among so many tokens does.
constexpr std::size_t kDirectTokens = 4096;

std::size_t BinOf(float weight) {
  const std::size_t bin = std::bit_cast<std::uint32_t>(weight) >> kBinShift;
  return std::min(bin, kBins - 1);
}

}  // namespace

bool Nucleus::Before(const Entry& a, const Entry& b) {
  return a.weight != b.weight ? a.weight > b.weight : a.order < b.order;
}

double Nucleus::SelectBin(absl::Span<const float> weights, double target_mass) {
  bin_mass_.assign(kBins, 0.0);
  for (const float weight : weights) bin_mass_[BinOf(weight)] += weight;
  // The lightest bin with mass is the last resort where rounding keeps the sum below the target.
  double mass = 0.0;
  double mass_before = 0.0;
  std::size_t cut_bin = 0;
  for (std::size_t bin = kBins; bin-- > 0 && (cut_bin == 0 || mass < target_mass);) {
    if (bin_mass_[bin] == 0.0) continue;
    mass_before = mass;
    cut_bin = bin;
    mass += bin_mass_[bin];
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] > 0.0F && BinOf(weights[i]) == cut_bin) entries_.push_back({weights[i], i});
  }
  return mass_before;
}

void Nucleus::Cut(absl::Span<float> weights, double target_mass) {
  entries_.clear();
  double mass = 0.0;
  if (weights.size() > kDirectTokens) {
    mass = SelectBin(weights, target_mass);
  } else {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      if (weights[i] > 0.0F) entries_.push_back({weights[i], i});
    }
  }
  PINTLE_CHECK(!entries_.empty(), "a distribution has mass");
  // A quickselect by mass: the last entry that stays is in [first, last), and `mass` is what the
  // entries before `first` weigh.
  auto first = entries_.begin();
  auto last = entries_.end();
  while (last - first > 1) {
    const auto middle = first + (last - first) / 2;
    std::nth_element(first, middle, last, Before);
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
    if (Before(cut, {weights[i], i})) weights[i] = 0.0F;
  }
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/coded_panels.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace pintle::model::cpu {
namespace {

constexpr int kNoCode = 255;

std::array<std::int32_t, 256> CountHighBytes(const std::uint16_t* panel, std::size_t count) {
  // Four counters, because neighbours often count the same byte and would wait for each other.
  std::array<std::array<std::int32_t, 256>, 4> counts{};
  for (std::size_t i = 0; i < count; i += 4) {
    for (std::size_t j = 0; j < 4; ++j) ++counts[j][panel[i + j] >> 8];
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    counts[0][byte] += counts[1][byte] + counts[2][byte] + counts[3][byte];
  }
  return counts[0];
}

// Where word `word` of one of a group's two pairs has its low byte: kernels interleave low and high
// bytes within 16-byte lanes, first the lanes' lower halves, then their upper ones.
constexpr std::size_t PlaceOf(std::size_t word) {
  const std::size_t vector = word / kPanelColumns;
  const std::size_t rest = word % kPanelColumns;
  return rest / 8 * 16 + vector * 8 + rest % 8;
}

}  // namespace

std::size_t CodedPanelBytes(std::int32_t k) {
  return static_cast<std::size_t>(k / kCodedInputs) * kCodedBytes;
}

PanelCode CodePanel(const std::uint16_t* panel, std::int32_t k, std::uint8_t* groups) {
  constexpr auto kWeights = static_cast<std::size_t>(kCodedWeights);
  const auto count = static_cast<std::size_t>(k / kCodedInputs);
  const auto counts = CountHighBytes(panel, count * kWeights);
  std::array<std::uint8_t, 256> bytes;
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  std::stable_sort(bytes.begin(), bytes.end(),
                   [&](std::uint8_t a, std::uint8_t b) { return counts[a] > counts[b]; });
  PanelCode code;
  std::array<std::uint8_t, 256> code_of;
  code_of.fill(kNoCode);
  for (std::size_t i = 0; i < code.high_bytes.size(); ++i) {
    code.high_bytes[i] = bytes[i];
    code_of[bytes[i]] = static_cast<std::uint8_t>(i);
  }
  for (std::size_t g = 0; g < count; ++g) {
    const std::uint16_t* weights = panel + g * kWeights;
    std::uint8_t* group = groups + g * kCodedBytes;
    unsigned all = 0;
    for (std::size_t word = 0; word < kWeights / 2; ++word) {
      const std::uint16_t first = weights[word];
      const std::uint16_t second = weights[kWeights / 2 + word];
      const unsigned low = code_of[first >> 8];
      const unsigned high = code_of[second >> 8];
      all |= low | high;
      const std::size_t place = PlaceOf(word);
      group[place] = static_cast<std::uint8_t>(first);
      group[kWeights / 2 + place] = static_cast<std::uint8_t>(second);
      group[kWeights + place] = static_cast<std::uint8_t>((low & 15U) | (high << 4U));
    }
    if (all < code.high_bytes.size()) continue;
    code.groups.push_back(static_cast<std::int32_t>(g));
    code.weights.insert(code.weights.end(), weights, weights + kWeights);
  }
  return code;
}

void CodedPanels::Append(const PanelCode& code) {
  high_bytes_.insert(high_bytes_.end(), code.high_bytes.begin(), code.high_bytes.end());
  first_.push_back(static_cast<std::int32_t>(weights_.size() / kCodedWeights));
  groups_.insert(groups_.end(), code.groups.begin(), code.groups.end());
  groups_.push_back(std::numeric_limits<std::int32_t>::max());
  weights_.insert(weights_.end(), code.weights.begin(), code.weights.end());
}

CodedPanelsView CodedPanels::View() const {
  return {high_bytes_.data(), first_.data(), groups_.data(), weights_.data()};
}

std::size_t CodedPanels::bytes() const {
  return high_bytes_.size() + 4 * (first_.size() + groups_.size()) + 2 * weights_.size();
}

}  // namespace pintle::model::cpu

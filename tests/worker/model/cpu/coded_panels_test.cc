// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/coded_panels.h"

#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>
#include <vector>

namespace pintle::model::cpu {
namespace {

constexpr std::int32_t kNone = std::numeric_limits<std::int32_t>::max();

// Bell-shaped like trained weights.
std::vector<std::uint16_t> DrawPanel(std::int32_t k, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0F, 0.05F);
  std::vector<std::uint16_t> panel(static_cast<std::size_t>(k) * kPanelColumns);
  for (std::uint16_t& weight : panel) {
    weight = static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(normal(random)) >> 16);
  }
  return panel;
}

// The layout of kernel_table.h, undone one weight at a time.
std::vector<std::uint16_t> DecodePanel(const std::vector<std::uint8_t>& groups, std::int32_t k,
                                       const PanelCode& code) {
  std::vector<std::uint16_t> panel;
  std::size_t exception = 0;
  for (std::int32_t g = 0; g < k / 4; ++g) {
    const std::uint8_t* group = groups.data() + static_cast<std::size_t>(g) * kCodedBytes;
    if (exception < code.groups.size() && code.groups[exception] == g) {
      const auto* first = code.weights.data() + exception * kCodedWeights;
      panel.insert(panel.end(), first, first + kCodedWeights);
      ++exception;
      continue;
    }
    for (std::size_t word = 0; word < 128; ++word) {
      const std::size_t in_pair = word % 64;
      const std::size_t lane = in_pair % 32 / 8;
      const std::size_t place = 16 * lane + in_pair / 32 * 8 + in_pair % 8;
      const unsigned low = group[word / 64 * 64 + place];
      const unsigned codes = group[128 + place];
      const unsigned high = code.high_bytes[word < 64 ? codes & 15U : codes >> 4U];
      panel.push_back(static_cast<std::uint16_t>(high << 8U | low));
    }
  }
  EXPECT_EQ(exception, code.groups.size());
  return panel;
}

TEST(CodedPanelsTest, NoBitOfAPanelIsLost) {
  for (const std::int32_t k : {4, 8, 52, 576}) {
    const std::vector<std::uint16_t> panel = DrawPanel(k, static_cast<unsigned>(k));
    std::vector<std::uint8_t> groups(CodedPanelBytes(k));
    EXPECT_EQ(groups.size(), static_cast<std::size_t>(k) * 48);
    const PanelCode code = CodePanel(panel.data(), k, groups.data());
    EXPECT_EQ(DecodePanel(groups, k, code), panel) << k;
  }
}

TEST(CodedPanelsTest, BellShapedWeightsHaveFewExceptions) {
  const std::vector<std::uint16_t> panel = DrawPanel(2048, 1);
  std::vector<std::uint8_t> groups(CodedPanelBytes(2048));
  const PanelCode code = CodePanel(panel.data(), 2048, groups.data());
  EXPECT_LT(code.groups.size(), 2048U / 4 / 20);
}

TEST(CodedPanelsTest, InfinitiesZerosAndDenormalsSurviveToo) {
  std::vector<std::uint16_t> panel = DrawPanel(576, 3);
  for (const unsigned odd : {0x0000U, 0x8000U, 0x0001U, 0x7f80U, 0xff80U, 0x7fc0U, 0xffffU}) {
    panel[odd % panel.size()] = static_cast<std::uint16_t>(odd);
  }
  std::vector<std::uint8_t> groups(CodedPanelBytes(576));
  const PanelCode code = CodePanel(panel.data(), 576, groups.data());
  EXPECT_FALSE(code.groups.empty());
  EXPECT_EQ(DecodePanel(groups, 576, code), panel);
}

TEST(CodedPanelsTest, BitsWithoutAnyShapeAreAllExceptions) {
  std::mt19937 random(4);
  std::vector<std::uint16_t> panel(64 * kPanelColumns);
  for (std::uint16_t& weight : panel) weight = static_cast<std::uint16_t>(random());
  std::vector<std::uint8_t> groups(CodedPanelBytes(64));
  const PanelCode code = CodePanel(panel.data(), 64, groups.data());
  EXPECT_EQ(code.groups.size(), 16U);
  EXPECT_EQ(DecodePanel(groups, 64, code), panel);
}

TEST(CodedPanelsTest, AViewFindsEachPanelsExceptionsAndTheirEnd) {
  PanelCode first;
  first.high_bytes[0] = 60;
  first.groups = {3};
  first.weights.assign(kCodedWeights, 11);
  PanelCode second;
  second.high_bytes[0] = 61;
  PanelCode third;
  third.groups = {0, 7};
  third.weights.assign(2 * kCodedWeights, 12);
  CodedPanels panels;
  for (const PanelCode& code : {first, second, third}) panels.Append(code);
  const CodedPanels moved = std::move(panels);
  const CodedPanelsView view = moved.View();
  EXPECT_EQ(view.high_bytes[0], 60);
  EXPECT_EQ(view.high_bytes[16], 61);
  EXPECT_EQ(std::vector<std::int32_t>(view.first, view.first + 3),
            (std::vector<std::int32_t>{0, 1, 1}));
  EXPECT_EQ(std::vector<std::int32_t>(view.groups, view.groups + 6),
            (std::vector<std::int32_t>{3, kNone, kNone, 0, 7, kNone}));
  EXPECT_EQ(view.weights[kCodedWeights - 1], 11);
  EXPECT_EQ(view.weights[kCodedWeights], 12);
  EXPECT_EQ(moved.bytes(), 3 * 16 + 4 * (3 + 6) + 2 * 3 * std::size_t{kCodedWeights});
}

}  // namespace
}  // namespace pintle::model::cpu

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/byte_panels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "worker/model/cpu/kernel_table.h"

namespace pintle::model::cpu {
namespace {

std::vector<float> Draw(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

double Error(const std::vector<float>& x, const Int4Line& line, const float* steps) {
  double error = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double off = line.scale * steps[i] + line.least - x[i];
    error += off * off;
  }
  return error;
}

TEST(BytePanelsTest, AGroupThatLiesOnSixteenStepsIsKeptExactly) {
  std::vector<float> x;
  for (int i = 0; i < kGroupInputs; ++i) x.push_back(-0.75F + 0.125F * static_cast<float>(i % 16));
  float steps[kGroupInputs];
  const Int4Line line = FitInt4(x.data(), kGroupInputs, steps);
  EXPECT_EQ(line.scale, 0.125F);
  EXPECT_EQ(line.least, -0.75F);
  for (int i = 0; i < kGroupInputs; ++i) EXPECT_EQ(steps[i], static_cast<float>(i % 16));
}

TEST(BytePanelsTest, TheFittedLineIsBetterThanTheRangesOwn) {
  double fitted = 0.0;
  double plain = 0.0;
  for (unsigned seed = 0; seed < 50; ++seed) {
    const std::vector<float> x = Draw(kGroupInputs, seed);
    float steps[kGroupInputs];
    const Int4Line line = FitInt4(x.data(), kGroupInputs, steps);
    for (const float step : steps) ASSERT_TRUE(step >= 0 && step <= 15 && step == std::rint(step));
    fitted += Error(x, line, steps);
    float low = x[0];
    float high = x[0];
    for (const float value : x) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
    const Int4Line whole{(high - low) / 15.0F, low};
    for (std::size_t i = 0; i < x.size(); ++i) steps[i] = std::rint((x[i] - low) / whole.scale);
    plain += Error(x, whole, steps);
  }
  EXPECT_LT(fitted, 0.9 * plain);
}

TEST(BytePanelsTest, AGroupOfOneValueAndOneThatIsNotFiniteHaveSteps) {
  float steps[4];
  const float same[] = {0.5F, 0.5F, 0.5F, 0.5F};
  const Int4Line line = FitInt4(same, 4, steps);
  for (const float step : steps) EXPECT_EQ(line.scale * step + line.least, 0.5F);
  const float broken[] = {1.0F, std::nanf(""), HUGE_VALF, 2.0F};
  FitInt4(broken, 4, steps);
  for (const float step : steps) EXPECT_TRUE(step >= 0 && step <= 15);
}

TEST(BytePanelsTest, QuadsHoldWholeStepsOfEachGroupsLargestWeight) {
  constexpr std::int32_t kK = 42;  // a whole group and a part of one
  std::vector<float> rows = Draw(static_cast<std::size_t>(kK) * kPanelColumns, 3);
  for (std::int32_t i = 0; i < kK; ++i) rows[static_cast<std::size_t>(7 * kK + i)] = 0.0F;
  rows[0] = 90.0F;  // makes the first group's steps coarse, not the second's
  std::vector<std::uint8_t> panel(64 + 32 * 32 + 64 + 16 * 32);
  WriteInt8Quads(rows.data(), kK, panel.data());
  for (std::size_t c = 0; c < kPanelColumns; ++c) {
    for (std::size_t i = 0; i < kK; ++i) {
      const std::uint8_t* group = panel.data() + (i < 32 ? 0 : 64 + 32 * 32);
      std::uint16_t bits = 0;
      std::memcpy(&bits, group + 2 * c, 2);
      const auto scale = std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
      const std::size_t inside = i % 32;
      const int q = group[64 + inside / 4 * 128 + 4 * c + inside % 4] - 128;
      EXPECT_NEAR(static_cast<float>(q) * scale, rows[c * kK + i], 0.9F * scale);
      if (i >= 32) {
        EXPECT_LT(scale, 0.1F);
      }
      if (c == 7) {
        EXPECT_EQ(scale, 0.0F);
      }
    }
  }
}

TEST(BytePanelsTest, GroupsCarryTheirLineBeforeTheirHalves) {
  constexpr std::int32_t kK = 40;  // a whole group and a quarter of one
  const std::vector<float> rows = Draw(static_cast<std::size_t>(kK) * kPanelColumns, 4);
  std::vector<std::uint8_t> panel(2 * 128 + 5 * 128);
  WriteInt4Groups(rows.data(), kK, panel.data());
  const auto half = [&](std::size_t at) {
    std::uint16_t bits = 0;
    std::memcpy(&bits, panel.data() + at, 2);
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
  };
  for (std::size_t c = 0; c < kPanelColumns; ++c) {
    const float* column = rows.data() + c * kK;
    const std::size_t last = 128 + 4 * 128;  // where the second group starts
    for (const auto& [first, header] : {std::pair<std::size_t, std::size_t>{0, 0}, {32, last}}) {
      const float scale = half(header + 2 * c);
      const float least = half(header + 64 + 2 * c);
      for (std::size_t i = 0; i < 8; ++i) {
        const std::uint8_t byte = panel[header + 128 + 4 * c + i % 4];
        const int q = i < 4 ? byte & 15 : byte >> 4;
        EXPECT_NEAR(scale * static_cast<float>(q) + least, column[first + i], 0.6F * scale + 0.4F);
      }
    }
  }
}

}  // namespace
}  // namespace pintle::model::cpu

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

constexpr std::size_t kColumns = kPanelColumns;
constexpr std::size_t kGroup = kInt4Group;

// The squared error of one column.
double Error(const std::vector<float>& x, std::size_t column, const Int4Line& line,
             const std::vector<float>& steps) {
  double error = 0.0;
  for (std::size_t i = column; i < x.size(); i += kColumns) {
    const double off = line.scale * steps[i] + line.least - x[i];
    error += off * off;
  }
  return error;
}

float Bf16At(const std::uint8_t* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, 2);
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

TEST(BytePanelsTest, AGroupThatLiesOnSixteenStepsIsKeptExactly) {
  std::vector<float> x;
  for (std::size_t i = 0; i < kGroup; ++i) {
    for (std::size_t c = 0; c < kColumns; ++c) {
      x.push_back(-0.75F + 0.125F * static_cast<float>((i + c) % 16));
    }
  }
  std::vector<float> steps(x.size());
  Int4Line lines[kColumns];
  FitInt4(x.data(), kInt4Group, lines, steps.data());
  for (std::size_t c = 0; c < kColumns; ++c) {
    EXPECT_EQ(lines[c].scale, 0.125F);
    EXPECT_EQ(lines[c].least, -0.75F);
    for (std::size_t i = 0; i < kGroup; ++i) {
      EXPECT_EQ(steps[i * kColumns + c], static_cast<float>((i + c) % 16));
    }
  }
}

TEST(BytePanelsTest, TheFittedLineIsBetterThanTheRangesOwn) {
  double fitted = 0.0;
  double plain = 0.0;
  const std::vector<float> x = Draw(kGroup * kColumns, 1);
  std::vector<float> steps(x.size());
  Int4Line lines[kColumns];
  FitInt4(x.data(), kInt4Group, lines, steps.data());
  for (const float step : steps) ASSERT_TRUE(step >= 0 && step <= 15 && step == std::rint(step));
  for (std::size_t c = 0; c < kColumns; ++c) {
    fitted += Error(x, c, lines[c], steps);
    float low = x[c];
    float high = x[c];
    for (std::size_t i = c; i < x.size(); i += kColumns) {
      low = std::min(low, x[i]);
      high = std::max(high, x[i]);
    }
    const Int4Line whole{(high - low) / 15.0F, low};
    std::vector<float> nearest(x.size());
    for (std::size_t i = c; i < x.size(); i += kColumns) {
      nearest[i] = std::rint((x[i] - low) / whole.scale);
    }
    plain += Error(x, c, whole, nearest);
  }
  EXPECT_LT(fitted, 0.9 * plain);
}

TEST(BytePanelsTest, AGroupOfOneValueAndOneThatIsNotFiniteHaveSteps) {
  std::vector<float> x(4 * kColumns, 0.5F);
  x[1 * kColumns + 3] = std::nanf("");
  x[2 * kColumns + 3] = HUGE_VALF;
  std::vector<float> steps(x.size());
  Int4Line lines[kColumns];
  FitInt4(x.data(), 4, lines, steps.data());
  for (const float step : steps) EXPECT_TRUE(step >= 0 && step <= 15);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(lines[7].scale * steps[i * kColumns + 7] + lines[7].least, 0.5F);
  }
}

TEST(BytePanelsTest, SpreadTwiceIsAsBeforeAndDotProductsStay) {
  const std::vector<float> x = Draw(150, 5);  // two blocks and what is left over
  const std::vector<float> y = Draw(150, 6);
  std::vector<float> spread_x = x;
  std::vector<float> spread_y = y;
  SpreadInputs(spread_x.data(), 150);
  SpreadInputs(spread_y.data(), 150);
  double plain = 0.0;
  double spread = 0.0;
  for (std::size_t i = 0; i < 150; ++i) {
    plain += static_cast<double>(x[i]) * y[i];
    spread += static_cast<double>(spread_x[i]) * spread_y[i];
    EXPECT_EQ(spread_x[i] == x[i], i >= 128) << i;
  }
  EXPECT_NEAR(spread, plain, 1e-4);
  SpreadInputs(spread_x.data(), 150);
  for (std::size_t i = 0; i < 150; ++i) EXPECT_NEAR(spread_x[i], x[i], 1e-5);
}

TEST(BytePanelsTest, OneLargeValueBecomesManyEqualOnes) {
  std::vector<float> x(64, 0.0F);
  x[17] = 8.0F;
  SpreadInputs(x.data(), 64);
  for (const float value : x) EXPECT_EQ(std::abs(value), 1.0F);
}

TEST(BytePanelsTest, BytesAreWholeStepsOfEachGroupsLargestWeight) {
  // A whole group of int8 and a part of one; of quads a part, in which all but 6 are spread.
  constexpr std::int32_t kK = 70;
  std::vector<float> rows = Draw(static_cast<std::size_t>(kK) * kColumns, 3);
  for (std::size_t i = 0; i < kK; ++i) rows[7 * kK + i] = 0.0F;
  rows[0] = 90.0F;  // makes the first group's steps coarse, not the second's
  std::vector<std::uint8_t> groups(2 * 64 + kK * 32);
  WriteInt8Groups(rows.data(), kK, groups.data());
  std::vector<std::uint8_t> quads(64 + 72 * 32);
  WriteInt8Quads(rows.data(), kK, quads.data());
  for (std::size_t c = 0; c < kColumns; ++c) {
    std::vector<float> spread(rows.begin() + static_cast<std::ptrdiff_t>(c * kK),
                              rows.begin() + static_cast<std::ptrdiff_t>((c + 1) * kK));
    SpreadInputs(spread.data(), kK);
    for (std::size_t i = 0; i < kK; ++i) {
      const std::uint8_t* group = groups.data() + (i < 64 ? 0 : 64 + 64 * 32);
      const float scale = Bf16At(group + 2 * c);
      const auto q = static_cast<std::int8_t>(group[64 + i % 64 / 2 * 64 + 2 * c + i % 2]);
      EXPECT_NEAR(static_cast<float>(q) * scale, rows[c * kK + i], 0.9F * scale);
      EXPECT_EQ(scale == 0.0F, c == 7);
      if (i >= 64) {
        EXPECT_LT(scale, 0.1F);
      }
      const float step = Bf16At(quads.data() + 2 * c);
      const int quad = quads[64 + i / 4 * 128 + 4 * c + i % 4] - 128;
      EXPECT_NEAR(static_cast<float>(quad) * step, spread[i], 0.9F * step);
    }
  }
}

TEST(BytePanelsTest, GroupsCarryTheirLineBeforeTheirHalves) {
  constexpr std::int32_t kK = 40;  // a whole group and a quarter of one
  const std::vector<float> rows = Draw(static_cast<std::size_t>(kK) * kPanelColumns, 4);
  std::vector<std::uint8_t> panel(2 * 128 + 5 * 128);
  WriteInt4Groups(rows.data(), kK, panel.data());
  const auto half = [&](std::size_t at) { return Bf16At(panel.data() + at); };
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

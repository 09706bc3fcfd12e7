// SPDX-License-Identifier: Apache-2.0
// The eight-wide vectors; the sixteen-wide ones are held to the same by kernels_test, which runs
// only the instruction sets that the processor has.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>

#include "worker/model/cpu/simd_avx2.h"

namespace pintle::model::cpu {
namespace {

using Row = std::array<float, 8>;

Row Out(Simd::Floats x) {
  Row row;
  Simd::Store(row.data(), x);
  return row;
}

TEST(SimdTest, SumsPeaksAndColumns) {
  const Simd::Floats x = Simd::Columns(10);
  EXPECT_EQ(Out(x), Row({10, 11, 12, 13, 14, 15, 16, 17}));
  EXPECT_EQ(Simd::Sum(x), 108.0F);
  EXPECT_EQ(Simd::Peak(x), 17.0F);
  EXPECT_EQ(Out(Simd::Within(x, Simd::Set(11), Simd::Set(13), x, Simd::Zero())),
            Row({0, 11, 12, 0, 0, 0, 0, 0}));
}

TEST(SimdTest, SumsAndDifferencesAreAHadamardMatrix) {
  for (int one = 0; one < Simd::kWidth; ++one) {
    float x[Simd::kWidth] = {};
    x[one] = 3.0F;
    Simd::Store(x, Simd::SumsAndDifferences(Simd::Load(x)));
    for (int lane = 0; lane < Simd::kWidth; ++lane) {
      const bool odd = __builtin_popcount(static_cast<unsigned>(one & lane)) % 2 != 0;
      EXPECT_EQ(x[lane], odd ? -3.0F : 3.0F) << one << ", " << lane;
    }
  }
}

TEST(SimdTest, NanOnTheRightSurvivesMaxAndMin) {
  const Simd::Floats nan = Simd::Set(NAN);
  EXPECT_TRUE(std::isnan(Out(Simd::Max(Simd::Set(1), nan))[0]));
  EXPECT_TRUE(std::isnan(Out(Simd::Min(Simd::Set(1), nan))[0]));
}

TEST(SimdTest, ScaleIsAPowerOfTwo) {
  EXPECT_EQ(Out(Simd::Scale(Simd::Set(3), Simd::Set(-5)))[3], 3.0F / 32.0F);
  EXPECT_EQ(Out(Simd::Scale(Simd::Set(3), Simd::Set(7)))[3], 384.0F);
}

TEST(SimdTest, PairsOfBf16AreReadApart) {
  std::array<std::uint16_t, 16> pairs;
  for (std::size_t i = 0; i < 16; ++i) pairs[i] = i % 2 == 0 ? 0x3f80 : 0xc000;  // 1 and -2
  EXPECT_EQ(Out(Simd::LowBf16(pairs.data()))[5], 1.0F);
  EXPECT_EQ(Out(Simd::HighBf16(pairs.data()))[5], -2.0F);
}

TEST(SimdTest, Bf16RoundsToEvenAndKeepsNan) {
  const Row x = {1.0F, 1.00390625F, 1.01171875F, -3.0F, NAN, INFINITY, 1.004F, 0.0F};
  std::array<std::uint16_t, 8> halves;
  Simd::StoreBf16(halves.data(), Simd::Load(x.data()));
  EXPECT_EQ(halves, (std::array<std::uint16_t, 8>{0x3f80, 0x3f80, 0x3f82, 0xc040, 0x7fc0, 0x7f80,
                                                  0x3f81, 0}));
}

TEST(SimdTest, PairsAreWrittenFirstAndThenSecond) {
  std::array<std::uint16_t, 16> pairs;
  pairs.fill(0xffff);
  Simd::StoreFirstOfPairs(pairs.data(), Simd::Set(1.0F));
  EXPECT_EQ(pairs[6], 0x3f80);
  EXPECT_EQ(pairs[7], 0);
  Simd::StoreSecondOfPairs(pairs.data(), Simd::Set(-2.0F));
  EXPECT_EQ(pairs[6], 0x3f80);
  EXPECT_EQ(pairs[7], 0xc000);
}

}  // namespace
}  // namespace pintle::model::cpu

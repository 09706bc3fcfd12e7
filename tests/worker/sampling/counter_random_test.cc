// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/counter_random.h"

#include <cmath>
#include <cstdint>
#include <set>
#include <vector>

#include "gtest/gtest.h"

namespace pintle {
namespace {

using Counter = CounterRandom::Counter;
using Key = CounterRandom::Key;

// The three "philox4x32 10" lines of Random123's tests/kat_vectors: counter, key, result.
TEST(CounterRandomTest, GivesThePublishedVectorForZeros) {
  EXPECT_EQ(CounterRandom::Philox4x32(Counter{0, 0, 0, 0}, Key{0, 0}),
            (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
}

TEST(CounterRandomTest, GivesThePublishedVectorForOnes) {
  constexpr std::uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(CounterRandom::Philox4x32(Counter{kOnes, kOnes, kOnes, kOnes}, Key{kOnes, kOnes}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
}

TEST(CounterRandomTest, GivesThePublishedVectorForPi) {
  EXPECT_EQ(CounterRandom::Philox4x32(Counter{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
                                      Key{0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(CounterRandomTest, UniformIsTheTopBitsOfTheFirstTwoWords) {
  // Seed 0, choice 0, index 0 is the vector for zeros.
  const std::uint64_t bits = 0x6627e8d5e169c58dULL >> 11;
  EXPECT_EQ(CounterRandom(0).Uniform(0, 0), std::ldexp(static_cast<double>(bits), -53));
}

TEST(CounterRandomTest, EachOfSeedChoiceAndIndexChangesTheNumber) {
  std::set<double> numbers;
  for (const std::uint64_t seed : {0ULL, 1ULL, 1ULL << 32, ~0ULL}) {
    for (int choice = 0; choice < 8; ++choice) {
      for (int index = 0; index < 64; ++index) {
        numbers.insert(CounterRandom(seed).Uniform(choice, index));
      }
    }
  }
  EXPECT_EQ(numbers.size(), 4u * 8u * 64u);
}

TEST(CounterRandomTest, ANumberDependsOnNothingDrawnBefore) {
  const CounterRandom random(42);
  const double alone = CounterRandom(42).Uniform(3, 1000);
  for (int index = 0; index < 1000; ++index) random.Uniform(3, index);
  EXPECT_EQ(random.Uniform(3, 1000), alone);
}

// Chi-square over 64 bins, 63 degrees of freedom: 127.4 is exceeded with probability 3e-6. The
// seeds are fixed, so the test cannot fail by chance later.
double ChiSquareOfBins(const std::vector<double>& numbers) {
  constexpr int kBins = 64;
  std::vector<double> bins(kBins);
  for (const double number : numbers) bins[static_cast<std::size_t>(number * kBins)] += 1.0;
  const double expected = static_cast<double>(numbers.size()) / kBins;
  double chi_square = 0.0;
  for (const double bin : bins) chi_square += (bin - expected) * (bin - expected) / expected;
  return chi_square;
}

TEST(CounterRandomTest, IndicesOfOneChoiceAreUniform) {
  std::vector<double> numbers;
  for (int index = 0; index < 100000; ++index) {
    numbers.push_back(CounterRandom(7).Uniform(0, index));
    ASSERT_GE(numbers.back(), 0.0);
    ASSERT_LT(numbers.back(), 1.0);
  }
  EXPECT_LT(ChiSquareOfBins(numbers), 127.4);
}

TEST(CounterRandomTest, AdjacentSeedsAreUniformTogether) {
  std::vector<double> numbers;
  for (std::uint64_t seed = 0; seed < 100000; ++seed) {
    numbers.push_back(CounterRandom(seed).Uniform(0, 0));
  }
  EXPECT_LT(ChiSquareOfBins(numbers), 127.4);
}

TEST(CounterRandomTest, ChoicesAreUncorrelated) {
  // The sum of two independent uniforms modulo 1 is uniform; a correlation would show as bins.
  std::vector<double> numbers;
  const CounterRandom random(11);
  for (int index = 0; index < 100000; ++index) {
    numbers.push_back(std::fmod(random.Uniform(0, index) + random.Uniform(1, index), 1.0));
  }
  EXPECT_LT(ChiSquareOfBins(numbers), 127.4);
}

}  // namespace
}  // namespace pintle

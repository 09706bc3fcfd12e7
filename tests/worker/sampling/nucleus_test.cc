// SPDX-License-Identifier: Apache-2.0
#include "worker/sampling/nucleus.h"

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using testing::ElementsAre;

std::vector<float> Cut(std::vector<float> weights, double mass) {
  Nucleus().Cut(absl::MakeSpan(weights), mass);
  return weights;
}

TEST(NucleusTest, KeepsTheFewestThatReachTheMass) {
  EXPECT_THAT(Cut({0.125F, 0.5F, 0.25F, 0.125F}, 0.7), ElementsAre(0.0F, 0.5F, 0.25F, 0.0F));
}

TEST(NucleusTest, AMassReachedExactlyNeedsNoFurtherToken) {
  EXPECT_THAT(Cut({0.125F, 0.5F, 0.25F, 0.125F}, 0.75), ElementsAre(0.0F, 0.5F, 0.25F, 0.0F));
}

TEST(NucleusTest, OfEqualWeightsTheLowerIdStays) {
  EXPECT_THAT(Cut({0.25F, 0.25F, 0.25F, 0.25F}, 0.4), ElementsAre(0.25F, 0.25F, 0.0F, 0.0F));
}

TEST(NucleusTest, KeepsTheHeaviestWhateverTheMass) {
  EXPECT_THAT(Cut({0.1F, 0.2F, 0.7F}, 0.0), ElementsAre(0.0F, 0.0F, 0.7F));
}

TEST(NucleusTest, KeepsEverythingWithMassWhenAskedForAll) {
  EXPECT_THAT(Cut({0.5F, 0.0F, 0.25F}, 0.75), ElementsAre(0.5F, 0.0F, 0.25F));
}

TEST(NucleusTest, AgreesWithSorting) {
  std::mt19937 bits(9);
  std::uniform_int_distribution<int> value(0, 40);
  for (int round = 0; round < 330; ++round) {
    // Sixty-fourths are exact and lie in many bins; in every third round all are beyond the last.
    const float unit = round % 3 == 0 ? 1.0F : 1.0F / 64.0F;
    std::vector<float> weights(static_cast<std::size_t>(round < 300 ? 1 + round : 20000));
    for (float& weight : weights) weight = static_cast<float>(value(bits)) * unit;
    weights[0] = 41.0F * unit;
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    const double target = total * (round % 11) / 11.0;
    std::vector<std::size_t> order(weights.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
    std::vector<float> expected(weights.size(), 0.0F);
    double before = 0.0;
    for (const std::size_t token : order) {
      if (before >= target && before > 0.0) break;
      expected[token] = weights[token];
      before += weights[token];
    }
    ASSERT_EQ(Cut(weights, target), expected) << "round " << round;
  }
}

TEST(NucleusTest, NoMassAtAllIsAProgrammersError) {
  EXPECT_DEATH(Cut({0.0F, 0.0F}, 0.5), "a distribution has mass");
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/rope_frequencies.h"

#include <gtest/gtest.h>

#include <cmath>

namespace pintle::model {
namespace {

RopeConfig Plain() {
  RopeConfig rope;
  rope.theta = 10000.0;
  rope.original_positions = 64;
  rope.factor = 4.0;
  return rope;
}

TEST(RopeFrequenciesTest, FallGeometricallyFromOne) {
  const auto frequencies = RopeInverseFrequencies(Plain(), 8);
  ASSERT_EQ(frequencies.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_FLOAT_EQ(frequencies[i], static_cast<float>(std::pow(10.0, -static_cast<double>(i))));
  }
}

TEST(RopeFrequenciesTest, LinearScalingDividesAllAlike) {
  RopeConfig rope = Plain();
  const auto plain = RopeInverseFrequencies(rope, 8);
  rope.kind = RopeKind::kLinear;
  const auto scaled = RopeInverseFrequencies(rope, 8);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_FLOAT_EQ(scaled[i], plain[i] / 4.0F);
}

TEST(RopeFrequenciesTest, Llama3AndYarnKeepFastTurnsAndStretchSlowOnes) {
  RopeConfig rope = Plain();
  const auto plain = RopeInverseFrequencies(rope, 64);
  for (const RopeKind kind : {RopeKind::kLlama3, RopeKind::kYarn}) {
    rope.kind = kind;
    const auto scaled = RopeInverseFrequencies(rope, 64);
    EXPECT_EQ(scaled.front(), plain.front());
    EXPECT_FLOAT_EQ(scaled.back(), plain.back() / 4.0F);
    bool between = false;
    for (std::size_t i = 0; i < scaled.size(); ++i) {
      EXPECT_LE(scaled[i], plain[i]);
      EXPECT_GE(scaled[i], plain[i] / 4.0F * 0.9999F);
      between = between || (scaled[i] < plain[i] * 0.99F && scaled[i] > plain[i] / 4.0F * 1.01F);
    }
    EXPECT_TRUE(between) << "no dimension lies on the ramp";
  }
}

}  // namespace
}  // namespace pintle::model

// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/frequency_sketch.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(FrequencySketchTest, CountsSightingsUpToFifteen) {
  FrequencySketch sketch(1000);
  for (int i = 0; i < 3; ++i) sketch.Add(42);
  EXPECT_EQ(sketch.Count(42), 3);
  EXPECT_EQ(sketch.Count(43), 0);
  for (int i = 0; i < 50; ++i) sketch.Add(42);
  EXPECT_EQ(sketch.Count(42), FrequencySketch::kCountMax);
}

TEST(FrequencySketchTest, OldSightingsFade) {
  FrequencySketch sketch(16);
  for (int i = 0; i < 8; ++i) sketch.Add(42);
  for (std::uint64_t i = 0; i < 152; ++i) sketch.Add(1000 + i % 4);
  EXPECT_EQ(sketch.Count(42), 4) << "the 160th sighting halves";
}

TEST(FrequencySketchTest, StrangersRarelyLookFamiliar) {
  FrequencySketch sketch(1000);
  for (std::uint64_t name = 1; name <= 1000; ++name) sketch.Add(name * 0x9E3779B9);
  int familiar = 0;
  for (std::uint64_t name = 2001; name <= 3000; ++name) {
    familiar += sketch.Count(name * 0x9E3779B9) > 0 ? 1 : 0;
  }
  EXPECT_LT(familiar, 250);
}

}  // namespace
}  // namespace pintle::kv

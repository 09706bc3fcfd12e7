// SPDX-License-Identifier: Apache-2.0
#include "worker/engine/rate_meter.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(RateMeterTest, IsZeroWhileNothingWasMeasured) {
  RateMeter meter;
  EXPECT_EQ(meter.tokens_per_second(), 0);
  meter.Add(5, absl::ZeroDuration());
  meter.Add(0, absl::Seconds(1));
  EXPECT_EQ(meter.tokens_per_second(), 0);
}

TEST(RateMeterTest, AConstantRateIsExactFromTheFirstMeasurement) {
  RateMeter meter;
  for (int i = 0; i < 10; ++i) {
    meter.Add(7, absl::Milliseconds(100));
    EXPECT_NEAR(meter.tokens_per_second(), 70, 1e-9);
  }
}

TEST(RateMeterTest, OldRatesAreForgottenAfterAFewTimeConstants) {
  RateMeter meter(absl::Seconds(1));
  meter.Add(1000, absl::Seconds(1));
  for (int i = 0; i < 100; ++i) meter.Add(1, absl::Milliseconds(100));
  EXPECT_NEAR(meter.tokens_per_second(), 10, 0.1);
}

TEST(RateMeterTest, HowStepsAreCutDoesNotMatter) {
  RateMeter coarse, fine;
  coarse.Add(100, absl::Seconds(1));
  coarse.Add(300, absl::Seconds(1));
  for (int i = 0; i < 10; ++i) fine.Add(10, absl::Milliseconds(100));
  for (int i = 0; i < 10; ++i) fine.Add(30, absl::Milliseconds(100));
  EXPECT_NEAR(coarse.tokens_per_second(), fine.tokens_per_second(), 1e-6);
}

}  // namespace
}  // namespace pintle

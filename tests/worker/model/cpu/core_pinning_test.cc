// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/core_pinning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace pintle::model::cpu {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CorePinningTest, AutoPinsWhereThePoolTakesEveryProcessorOfTheProcess) {
  EXPECT_THAT(CoresOf(CorePinning::kAuto, 2, {4, 7}), ElementsAre(4, 7));
  EXPECT_THAT(CoresOf(CorePinning::kAuto, 2, {0, 1, 2}), IsEmpty());
  EXPECT_THAT(CoresOf(CorePinning::kAuto, 3, {0, 1}), IsEmpty());
}

TEST(CorePinningTest, OnPinsToTheFirstProcessorsIfThereAreEnough) {
  EXPECT_THAT(CoresOf(CorePinning::kOn, 2, {1, 2, 5}), ElementsAre(1, 2));
  EXPECT_THAT(CoresOf(CorePinning::kOn, 3, {1, 2}), IsEmpty());
}

TEST(CorePinningTest, OffPinsNobody) {
  EXPECT_THAT(CoresOf(CorePinning::kOff, 1, {0}), IsEmpty());
}

TEST(CorePinningTest, OnlyTheThreeWordsAreSettings) {
  EXPECT_EQ(ParseCorePinning("auto"), CorePinning::kAuto);
  EXPECT_EQ(ParseCorePinning("on"), CorePinning::kOn);
  EXPECT_EQ(ParseCorePinning("off"), CorePinning::kOff);
  EXPECT_EQ(ParseCorePinning("yes"), std::nullopt);
}

TEST(CorePinningTest, APinnedThreadMayUseItsProcessorOnly) {
  const std::vector<int> before = AllowedCores();
  ASSERT_FALSE(before.empty());
  std::vector<int> inside;
  std::thread pinned([&] {
    PinThisThread(before.back());
    inside = AllowedCores();
  });
  pinned.join();
  EXPECT_THAT(inside, ElementsAre(before.back()));
  EXPECT_EQ(AllowedCores(), before);
}

}  // namespace
}  // namespace pintle::model::cpu

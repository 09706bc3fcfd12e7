// SPDX-License-Identifier: Apache-2.0
#include "worker/model/cpu/step_buffers.h"

#include <gtest/gtest.h>

namespace pintle::model::cpu {
namespace {

TEST(StepBuffersTest, ABufferGrowsAndNeverShrinks) {
  RowBuffer<float> buffer;
  buffer.SetWidth(3);
  buffer.Reserve(4);
  buffer.Row(3)[2] = 7.0F;
  float* const before = buffer.Row(0);
  buffer.Reserve(2);
  EXPECT_EQ(buffer.Row(0), before);
  EXPECT_EQ(buffer.Row(3)[2], 7.0F);
  buffer.Reserve(100);
  EXPECT_EQ(buffer.Row(99), buffer.Row(0) + 99 * buffer.stride());
  EXPECT_EQ(buffer.width(), 3U);
}

TEST(StepBuffersTest, RowsAreAnOddNumberOfCacheLinesApart) {
  EXPECT_EQ(RowBytes(1), 64U);
  EXPECT_EQ(RowBytes(64), 64U);
  EXPECT_EQ(RowBytes(65), 192U);
  EXPECT_EQ(RowBytes(4096), 4096U + 64U);
  EXPECT_EQ(RowBytes(4160), 4160U);
}

}  // namespace
}  // namespace pintle::model::cpu

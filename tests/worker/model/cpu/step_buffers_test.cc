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
  EXPECT_EQ(buffer.Row(99), buffer.Row(0) + 99 * 3);
}

}  // namespace
}  // namespace pintle::model::cpu

// SPDX-License-Identifier: Apache-2.0
#include "worker/scheduler/step_input.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(StepInputTest, ClearForgetsWhoThereWas) {
  StepInput input;
  input.waiting.resize(2);
  input.running.resize(2);
  input.sequences.resize(2);
  input.Clear();
  EXPECT_TRUE(input.waiting.empty() && input.running.empty() && input.sequences.empty());
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/mirror.h"

#include <gtest/gtest.h>

namespace pintle::layout {
namespace {

TEST(MissingTests, AsksEachUnitForItsTest) {
  EXPECT_EQ(MissingTests({{"worker/kv/pool.cc", ""}, {"worker/kv/pool.h", ""}}, {}),
            Violations{"tests/worker/kv/pool_test.cc:1: missing"});
  EXPECT_TRUE(
      MissingTests({{"worker/kv/pool.cc", ""}, {"tests/worker/kv/pool_test.cc", ""}}, {}).empty());
}

TEST(MissingTests, IsNotContentWithATestElsewhere) {
  EXPECT_EQ(MissingTests({{"worker/kv/pool.cc", ""}, {"tests/worker/pool_test.cc", ""}}, {}).size(),
            1U);
}

TEST(MissingTests, AsksNothingOfInterfacesDataAndMains) {
  EXPECT_TRUE(MissingTests({{"worker/seam.h", "struct A {\n  virtual int F() = 0;\n};\n"},
                            {"worker/main.cc", "int main() {\n}\n"}},
                           {})
                  .empty());
}

TEST(MissingTests, AsksHeadersThatHoldCode) {
  EXPECT_EQ(MissingTests({{"worker/a.h", "inline int F() {\n  return 1;\n}\n"}}, {}).size(), 1U);
}

TEST(MissingTests, CountsTheTestOfAKernelForEachInstructionSet) {
  EXPECT_TRUE(
      MissingTests({{"worker/model/gemm_amx.cc", ""}, {"tests/worker/model/gemm_test.cc", ""}}, {})
          .empty());
}

TEST(MissingTests, HonoursAnExceptionAndFindsAStaleOne) {
  EXPECT_TRUE(MissingTests({{"worker/a.cc", ""}}, {{"worker/a", "because"}}).empty());
  EXPECT_EQ(MissingTests({}, {{"worker/a", "because"}}).size(), 1U);
}

}  // namespace
}  // namespace pintle::layout

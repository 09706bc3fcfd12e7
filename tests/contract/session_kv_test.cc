// SPDX-License-Identifier: Apache-2.0
#include "contract/session_kv.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(SessionKvTest, ATokensBytesAreItsKeysAndValues) {
  const KvShape shape{"f", "bf16", 30, 3, 64, 2};
  EXPECT_EQ(shape.BytesPerToken(), 2 * 30 * 3 * 64 * 2);
  KvShape other = shape;
  other.dtype = std::string("f32");
  EXPECT_NE(shape, other);
}

}  // namespace
}  // namespace pintle

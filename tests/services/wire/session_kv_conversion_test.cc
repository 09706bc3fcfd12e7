// SPDX-License-Identifier: Apache-2.0
#include "services/wire/session_kv_conversion.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(SessionKvConversionTest, ShapesAndPortionsComeBackAsTheyWere) {
  const KvShape shape{"f", "bf16", 30, 3, 64, 2};
  v1::KvShape proto;
  ToProto(shape, &proto);
  EXPECT_EQ(FromProto(proto), shape);
  v1::KvPortion message;
  ToProto(KvPortion{4, 2, std::string("a\0b", 3), 77}, &message);
  const KvPortion portion = FromProto(message);
  EXPECT_EQ(portion.first, 4);
  EXPECT_EQ(portion.tokens, 2);
  EXPECT_EQ(portion.data, std::string("a\0b", 3));
  EXPECT_EQ(portion.checksum, 77U);
}

}  // namespace
}  // namespace pintle

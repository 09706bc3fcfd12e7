// SPDX-License-Identifier: Apache-2.0
#include "services/options/byte_size.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(ByteSizeTest, UnitsAreBinaryAndMayHaveAFraction) {
  EXPECT_EQ(*ParseByteSize("4096"), 4096);
  EXPECT_EQ(*ParseByteSize("1KiB"), 1024);
  EXPECT_EQ(*ParseByteSize("256MiB"), std::int64_t{256} << 20);
  EXPECT_EQ(*ParseByteSize("16 GiB"), std::int64_t{16} << 30);
  EXPECT_EQ(*ParseByteSize("1.5GiB"), std::int64_t{3} << 29);
  EXPECT_EQ(*ParseByteSize("7B"), 7);
}

TEST(ByteSizeTest, WhatIsNoSizeIsNamed) {
  for (const char* text : {"", "KiB", "12 parsecs", "5KB", "-1MiB", "nan", "inf", "1e9TiB"}) {
    const absl::StatusOr<std::int64_t> size = ParseByteSize(text);
    ASSERT_FALSE(size.ok()) << text;
    EXPECT_NE(size.status().message().find(text), std::string::npos);
  }
}

TEST(ByteSizeTest, FormattedSizesParseBack) {
  EXPECT_EQ(FormatByteSize(std::int64_t{1} << 30), "1GiB");
  EXPECT_EQ(FormatByteSize(1536), "1.50KiB");
  EXPECT_EQ(FormatByteSize(0), "0B");
  for (const std::int64_t bytes : {std::int64_t{1}, std::int64_t{1} << 20, std::int64_t{3} << 40}) {
    EXPECT_EQ(*ParseByteSize(FormatByteSize(bytes)), bytes);
  }
}

}  // namespace
}  // namespace pintle

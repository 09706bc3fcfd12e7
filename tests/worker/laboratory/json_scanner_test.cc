// SPDX-License-Identifier: Apache-2.0
#include "worker/laboratory/json_scanner.h"

#include <limits>
#include <string>

#include "gtest/gtest.h"

namespace pintle::laboratory {
namespace {

TEST(JsonScannerTest, TakesTokensInTurnAndSkipsBlanks) {
  JsonScanner json(" { \"a\" : [ -5 , 2.5 ] } ");
  std::string name;
  std::int64_t integer = 0;
  double number = 0;
  EXPECT_TRUE(json.Take('{'));
  EXPECT_TRUE(json.TakeString(&name));
  EXPECT_EQ(name, "a");
  EXPECT_TRUE(json.Take(':') && json.Take('[') && json.TakeInteger(&integer) && json.Take(','));
  EXPECT_EQ(integer, -5);
  EXPECT_TRUE(json.TakeNumber(&number) && json.Take(']') && json.Take('}'));
  EXPECT_EQ(number, 2.5);
  EXPECT_TRUE(json.AtEnd());
}

TEST(JsonScannerTest, AnIntegerIsWholeAndFitsInto64Bits) {
  std::int64_t value = 0;
  EXPECT_TRUE(JsonScanner("9223372036854775807").TakeInteger(&value));
  EXPECT_EQ(value, std::numeric_limits<std::int64_t>::max());
  for (const char* text : {"9223372036854775808", "1.5", "", "x", "\"1\"", "1e3"}) {
    EXPECT_FALSE(JsonScanner(text).TakeInteger(&value)) << text;
  }
}

TEST(JsonScannerTest, NumbersAreFinite) {
  double value = 0;
  for (const char* text : {"inf", "nan", "-inf", "1e999", ""}) {
    EXPECT_FALSE(JsonScanner(text).TakeNumber(&value)) << text;
  }
}

TEST(JsonScannerTest, StringsEndAtTheirQuoteEscapesIncluded) {
  std::string value;
  JsonScanner json(R"("a\"b\u00e9c" 1)");
  EXPECT_TRUE(json.TakeString(&value));
  EXPECT_EQ(value, "a\"b?c");
  EXPECT_FALSE(json.AtEnd());
  for (const char* text : {"\"open", "\"a\\", "\"\\u12", "bare"}) {
    EXPECT_FALSE(JsonScanner(text).TakeString(&value)) << text;
  }
}

TEST(JsonScannerTest, AnyValueIsSkippedToABoundedDepth) {
  for (const char* text : {"1", "-0.5e3", "true", "null", "\"x\"", "[]", "{}",
                           "[1,[2,{\"a\":[]}]]", "{\"a\":1,\"b\":{\"c\":null}}"}) {
    JsonScanner json(text);
    EXPECT_TRUE(json.SkipValue() && json.AtEnd()) << text;
  }
  for (const char* text : {"", "[1", "[1,]", "{\"a\"}", "{1:2}", "nope"}) {
    JsonScanner json(text);
    EXPECT_FALSE(json.SkipValue()) << text;
  }
  const std::string nested(1000, '[');
  JsonScanner deep(nested);
  EXPECT_FALSE(deep.SkipValue());
}

}  // namespace
}  // namespace pintle::laboratory

// SPDX-License-Identifier: Apache-2.0
#include "worker/model/json_fields.h"

#include <gtest/gtest.h>

#include "contract/errors.h"

namespace pintle::model {
namespace {

TEST(JsonFieldsTest, ReadsEachKindAndTakesNullForAbsent) {
  const auto json = ParseJsonObject(
      R"({"n": 3, "x": 0.5, "b": true, "t": "text", "ids": [1, 2], "id": 7, "none": null})", "f");
  ASSERT_TRUE(json.ok());
  JsonFields fields(*json, "");
  EXPECT_EQ(fields.Count("n", 10), 3);
  EXPECT_EQ(fields.Number("x"), 0.5);
  EXPECT_TRUE(fields.BoolOr("b", false));
  EXPECT_EQ(fields.TextOr("t", ""), "text");
  EXPECT_EQ(fields.Ids("ids"), std::vector<TokenId>({1, 2}));
  EXPECT_EQ(fields.Ids("id"), std::vector<TokenId>({7}));
  EXPECT_EQ(fields.CountOr("none", 10, 4), 4);
  EXPECT_FALSE(fields.Has("none"));
  EXPECT_TRUE(fields.Contains("none"));
  EXPECT_TRUE(fields.status().ok());
}

TEST(JsonFieldsTest, KeepsTheFirstFaultAndNamesItsField) {
  const auto json = ParseJsonObject(R"({"n": -3, "t": 5})", "f");
  JsonFields fields(*json, "rope.");
  fields.Count("n", 10);
  fields.TextOr("t", "");
  EXPECT_TRUE(HasReason(fields.status(), Reason::kInvalidField));
  EXPECT_NE(fields.status().message().find("rope.n"), std::string::npos) << fields.status();
}

TEST(JsonFieldsTest, NumbersBeyondTheLimitDoNotWrap) {
  for (const char* text : {R"({"n": 18446744073709551615})", R"({"n": 4294967297})",
                           R"({"n": 1e30})", R"({"n": "7"})", "{}"}) {
    const auto json = ParseJsonObject(text, "f");
    ASSERT_TRUE(json.ok());
    JsonFields fields(*json, "");
    fields.Count("n", 1 << 20);
    EXPECT_FALSE(fields.status().ok()) << text;
  }
}

TEST(JsonFieldsTest, TextThatIsNoObjectIsRefused) {
  for (const char* text : {"", "{", "[1]", "7", "\xff"}) {
    EXPECT_FALSE(ParseJsonObject(text, "config.json").ok());
  }
}

}  // namespace
}  // namespace pintle::model

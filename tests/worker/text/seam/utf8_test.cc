// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/utf8.h"

#include <string>

#include "gtest/gtest.h"

namespace pintle::text {
namespace {

std::string Drained(std::string bytes, std::string* rest = nullptr) {
  std::string out;
  DrainUtf8(bytes, out);
  if (rest != nullptr) *rest = bytes;
  return out;
}

TEST(Utf8, AcceptsTheEdgesOfEveryLength) {
  for (const char* text :
       {"", "a", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsValidUtf8(text)) << text;
  }
}

TEST(Utf8, RefusesOverlongSurrogatesAndBeyondTheLast) {
  for (const char* text :
       {"\x80", "\xC0\xAF", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3"}) {
    EXPECT_FALSE(IsValidUtf8(text));
  }
}

TEST(Utf8, ReplacesEachMaximalBrokenPartOnce) {
  EXPECT_EQ(Drained("a\xFFz"), "a\xEF\xBF\xBDz");
  EXPECT_EQ(Drained("\xE2\x82z"), "\xEF\xBF\xBDz");
  EXPECT_EQ(Drained("\xF0\x9F\x98z"), "\xEF\xBF\xBDz");
  EXPECT_EQ(Drained("\xED\xA0\x80z"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz");
}

TEST(Utf8, KeepsAnIncompleteEnd) {
  std::string rest;
  EXPECT_EQ(Drained("ok\xF0\x9F\x98", &rest), "ok");
  EXPECT_EQ(rest, "\xF0\x9F\x98");
  EXPECT_EQ(Drained(rest + "\x80", &rest), "\xF0\x9F\x98\x80");
  EXPECT_EQ(rest, "");
}

}  // namespace
}  // namespace pintle::text

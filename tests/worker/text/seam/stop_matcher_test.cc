// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/stop_matcher.h"

#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace pintle::text {
namespace {

// What a stream cut into pieces of `size` delivers in all.
std::string Delivered(const std::string& text, const std::vector<std::string>& stops, bool include,
                      std::size_t size) {
  StopMatcher matcher(stops, include);
  std::string delivered;
  for (std::size_t at = 0; at < text.size() && !matcher.matched(); at += size) {
    delivered += matcher.Push(text.substr(at, size));
  }
  if (!matcher.matched()) delivered += matcher.Flush();
  return delivered;
}

TEST(StopMatcher, HoldsBackWhatMayBecomeAStopString) {
  StopMatcher matcher({"STOP"}, false);
  EXPECT_EQ(matcher.Push("abS"), "ab");
  EXPECT_EQ(matcher.Push("T"), "");
  EXPECT_EQ(matcher.held_bytes(), 2U);
  EXPECT_EQ(matcher.Push("x"), "STx");
  EXPECT_EQ(matcher.Push("STOP and more"), "");
  EXPECT_TRUE(matcher.matched());
}

TEST(StopMatcher, IncludesTheStopStringWhenAsked) {
  StopMatcher matcher({"\n\n"}, true);
  EXPECT_EQ(matcher.Push("a\n"), "a");
  EXPECT_EQ(matcher.Push("\nb"), "\n\n");
  EXPECT_TRUE(matcher.matched());
}

TEST(StopMatcher, TheMatchThatEndsFirstWins) {
  EXPECT_EQ(Delivered("xabcd", {"abcd", "bc"}, false, 1), "xa");
  EXPECT_EQ(Delivered("xabcd", {"abcd", "bc"}, false, 5), "xa");
  EXPECT_EQ(Delivered("xabc", {"bc", "abc"}, false, 4), "x");
}

TEST(StopMatcher, ASelfOverlappingStopStringIsFound) {
  EXPECT_EQ(Delivered("aaab", {"aab"}, false, 1), "a");
  EXPECT_EQ(Delivered("ababac!", {"abac"}, false, 1), "ab");
}

TEST(StopMatcher, WithoutStopStringsNothingIsHeld) {
  StopMatcher matcher({"", ""}, false);
  EXPECT_EQ(matcher.Push("text"), "text");
  EXPECT_EQ(matcher.held_bytes(), 0U);
}

TEST(StopMatcher, UncheckedTextNeverStops) {
  StopMatcher matcher({"stop"}, false);
  EXPECT_EQ(matcher.PushUnchecked("a stop st"), "a stop st");
  EXPECT_EQ(matcher.Push("op"), "op");
  EXPECT_FALSE(matcher.matched());
}

TEST(StopMatcher, TheEndDeliversWhatWasHeld) {
  EXPECT_EQ(Delivered("abST", {"STOP"}, false, 2), "abST");
}

TEST(StopMatcher, HowTheStreamIsCutChangesNothingAndNoStopLeaks) {
  std::mt19937 random(3);  // NOLINT: the same texts in every run
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (int i = 0; i < 24; ++i) text.push_back("abc"[random() % 3]);
    std::vector<std::string> stops;
    for (std::size_t i = 0; i < 1 + random() % 3; ++i) {
      std::string stop;
      for (std::size_t k = 0; k < 2 + random() % 4; ++k) stop.push_back("abc"[random() % 3]);
      stops.push_back(stop);
    }
    const std::string whole = Delivered(text, stops, false, text.size());
    for (const std::size_t size : {1U, 2U, 3U, 7U}) {
      ASSERT_EQ(Delivered(text, stops, false, size), whole) << "round " << round;
    }
    for (const std::string& stop : stops) {
      ASSERT_EQ(whole.find(stop), std::string::npos) << "round " << round;
    }
    ASSERT_EQ(text.compare(0, whole.size(), whole), 0) << "round " << round;
  }
}

}  // namespace
}  // namespace pintle::text

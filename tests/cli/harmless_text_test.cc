// SPDX-License-Identifier: Apache-2.0
#include "cli/harmless_text.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(HarmlessTextTest, EscapeSequencesAreSpelledOut) {
  EXPECT_EQ(Harmless("a\033[31mred\033]0;title\007"), "a^[[31mred^[]0;title^G");
}

TEST(HarmlessTextTest, EveryControlCharacterIsSpelledOutButLineFeedAndTab) {
  for (int c = 0; c < 0x20; ++c) {
    const std::string text(1, static_cast<char>(c));
    if (c == '\n' || c == '\t') {
      EXPECT_EQ(Harmless(text), text);
    } else {
      EXPECT_EQ(Harmless(text), std::string("^") + static_cast<char>(c + 0x40)) << c;
    }
  }
  EXPECT_EQ(Harmless("\x7f"), "^?");
}

TEST(HarmlessTextTest, C1ControlsAreSpelledOutAsTheirByteInBothForms) {
  EXPECT_EQ(Harmless("\xc2\x9b"
                     "31m"),
            "\\x9b31m");
  EXPECT_EQ(Harmless("\x9b"
                     "31m"),
            "\\x9b31m");
}

TEST(HarmlessTextTest, OtherUtf8StaysAsItIs) {
  const std::string text = "gr\xc3\xbc\xc3\x9f \xe6\xbc\xa2 \xf0\x9f\x98\x80 \xc2\xa0";
  EXPECT_EQ(Harmless(text), text);
}

TEST(HarmlessTextTest, BrokenUtf8IsSpelledOutAndTheRestGoesOn) {
  EXPECT_EQ(Harmless("a\xe6\xbc"
                     "b\xff"),
            "a\\xe6\\xbc"
            "b\\xff");
}

TEST(HarmlessTextTest, ALineKeepsNoLineFeed) { EXPECT_EQ(HarmlessLine("a\nb\tc"), "a^Jb^Ic"); }

}  // namespace
}  // namespace pintle

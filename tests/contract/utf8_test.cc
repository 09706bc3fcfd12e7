// SPDX-License-Identifier: Apache-2.0
#include "contract/utf8.h"

#include <cstdint>
#include <string>

#include "gtest/gtest.h"

namespace pintle {
namespace {

// The encoding by the bit patterns of the standard, for any number, also such as must be refused.
std::string Encode(std::uint32_t code, int bytes) {
  if (bytes == 1) return {static_cast<char>(code)};
  std::string text(static_cast<std::size_t>(bytes), '\0');
  for (int i = bytes - 1; i > 0; --i) {
    text[static_cast<std::size_t>(i)] = static_cast<char>(0x80 | (code & 0x3F));
    code >>= 6;
  }
  text[0] = static_cast<char>((0xF00 >> bytes) | code);
  return text;
}

int ShortestBytes(std::uint32_t code) {
  return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

TEST(Utf8Test, AcceptsEveryScalarValueInItsShortestFormOnly) {
  for (std::uint32_t code = 0; code < 0x200000; ++code) {
    const bool scalar = code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
    const int shortest = ShortestBytes(code);
    ASSERT_EQ(IsValidUtf8(Encode(code, shortest)), scalar) << "U+" << std::hex << code;
    if (shortest < 4) {
      ASSERT_FALSE(IsValidUtf8(Encode(code, shortest + 1))) << "overlong U+" << std::hex << code;
    }
  }
}

TEST(Utf8Test, RefusesCutSequencesWhereverTheyAre) {
  for (const std::uint32_t code : {0xE4u, 0x20ACu, 0x1F600u}) {
    const std::string whole = Encode(code, ShortestBytes(code));
    for (std::size_t length = 1; length < whole.size(); ++length) {
      const std::string cut = whole.substr(0, length);
      for (std::size_t ascii = 0; ascii < 20; ++ascii) {
        const std::string text(ascii, 'a');
        EXPECT_FALSE(IsValidUtf8(text + cut));
        EXPECT_FALSE(IsValidUtf8(text + cut + "b"));
        EXPECT_TRUE(IsValidUtf8(text + whole + text));
      }
    }
  }
}

TEST(Utf8Test, RefusesBytesThatBeginNothing) {
  for (int byte = 0x80; byte < 0x100; ++byte) {
    EXPECT_FALSE(IsValidUtf8(std::string(1, static_cast<char>(byte)))) << byte;
    if (byte < 0xC2 || byte > 0xF4) {
      EXPECT_FALSE(IsValidUtf8(static_cast<char>(byte) + std::string("\x80\x80\x80"))) << byte;
    }
  }
}

TEST(Utf8Test, EmptyTextAndNulAreFine) {
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(std::string(9, '\0')));
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/input_text.h"

#include <cstdio>
#include <string>

#include "cli/exit_codes.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Path(const std::string& name) { return ::testing::TempDir() + "/pintle_cli_" + name; }

TEST(InputTextTest, TokenIdsMayBeSeparatedByCommasBlanksAndLineFeeds) {
  EXPECT_THAT(*ParseTokenIds("--tokens", "1,2 3\n4,\t5\n"), ElementsAre(1, 2, 3, 4, 5));
}

TEST(InputTextTest, WhatIsNoTokenIdIsAUsageErrorNamingIt) {
  for (const char* text : {"1,x", "-1", "1.5", "99999999999", "", " , "}) {
    const auto ids = ParseTokenIds("--tokens", text);
    EXPECT_EQ(ExitCodeOf(ids.status()), ExitCode::kUsage) << text;
    EXPECT_THAT(std::string(ids.status().message()), HasSubstr("--tokens")) << text;
  }
}

TEST(InputTextTest, TimesAreSecondsOrCarryAUnit) {
  EXPECT_EQ(*ParseSpan("--lease", "90"), absl::Seconds(90));
  EXPECT_EQ(*ParseSpan("--lease", "1.5h"), absl::Minutes(90));
  EXPECT_EQ(*ParseSpan("--lease", "250ms"), absl::Milliseconds(250));
  for (const char* text : {"", "soon", "-1", "0", "inf", "nan", "1e999"}) {
    EXPECT_EQ(ExitCodeOf(ParseSpan("--lease", text).status()), ExitCode::kUsage) << text;
  }
}

TEST(InputTextTest, FilesComeBackByteForByte) {
  const std::string bytes("a\0b\r\n\xff", 6);
  ASSERT_TRUE(WriteOutputFile("--output-json", Path("bytes"), bytes).ok());
  EXPECT_EQ(*ReadInputFile("--chat-file", Path("bytes")), bytes);
  ASSERT_TRUE(WriteOutputFile("--output-json", Path("bytes"), "").ok());
  EXPECT_EQ(*ReadInputFile("--chat-file", Path("bytes")), "");
}

TEST(InputTextTest, AFileThatIsNotThereOrTooLongIsALocalErrorNamingTheFlag) {
  const auto absent = ReadInputFile("--chat-file", Path("absent"));
  EXPECT_EQ(ExitCodeOf(absent.status()), ExitCode::kLocal);
  EXPECT_THAT(std::string(absent.status().message()), HasSubstr("--chat-file"));
  EXPECT_EQ(ExitCodeOf(ReadInputFile("--chat-file", ::testing::TempDir()).status()),
            ExitCode::kLocal);
  ASSERT_TRUE(
      WriteOutputFile("--output-json", Path("long"), std::string(kInputFileBytes + 1, 'x')).ok());
  EXPECT_EQ(ExitCodeOf(ReadInputFile("--chat-file", Path("long")).status()), ExitCode::kLocal);
  std::remove(Path("long").c_str());
  EXPECT_EQ(ExitCodeOf(WriteOutputFile("--output-json", Path("no/such/folder"), "x")),
            ExitCode::kLocal);
}

}  // namespace
}  // namespace pintle

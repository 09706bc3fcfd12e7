// SPDX-License-Identifier: Apache-2.0
#include "cli/prompt_flags.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/exit_codes.h"
#include "cli/input_text.h"
#include "gtest/gtest.h"
#include "pintle/v1/inference.pb.h"

namespace pintle {
namespace {

// Parses as the shell would pass it; answers whether the command line was taken.
bool Parse(std::vector<std::string> words, PromptFlags& flags) {
  CLI::App app;
  AddPromptFlags(app, flags);
  AddReplaceFlag(app, flags);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::ParseError&) {
    return false;
  }
  return true;
}

v1::GenerateRequest Request(const std::vector<std::string>& words) {
  PromptFlags flags;
  EXPECT_TRUE(Parse(words, flags));
  v1::GenerateRequest request;
  EXPECT_TRUE(FillInput(flags, request).ok());
  return request;
}

std::string FileWith(const std::string& text) {
  const std::string path = ::testing::TempDir() + "/pintle_prompt_flags";
  EXPECT_TRUE(WriteOutputFile("--x", path, text).ok());
  return path;
}

TEST(PromptFlagsTest, TextsAreTakenAsTheyAre) {
  for (const std::string text : {"hello", "", "--target", "{}", "[1,2]", "a\nb", "'quoted'"}) {
    EXPECT_EQ(Request({"--prompt", text}).prompt().text(), text);
    EXPECT_EQ(Request({"--chat", text}).chat().messages(0).parts(0).text(), text);
  }
}

TEST(PromptFlagsTest, FilesStandForTheirContent) {
  EXPECT_EQ(Request({"--prompt-file", FileWith("a\nb\n")}).prompt().text(), "a\nb\n");
  EXPECT_EQ(Request({"--chat-file", FileWith("a")}).chat().messages(0).parts(0).text(), "a");
  EXPECT_EQ(Request({"--tokens-file", FileWith("4,5\n")}).tokens().ids(1), 5);
  EXPECT_EQ(Request({"--messages", FileWith(R"([{"role":"user","content":"u"}])")})
                .chat()
                .messages(0)
                .role(),
            "user");
}

TEST(PromptFlagsTest, TheSystemMessageComesFirst) {
  const v1::GenerateRequest request = Request({"--chat", "u", "--system", "s", "--replace"});
  ASSERT_EQ(request.chat().messages_size(), 2);
  EXPECT_EQ(request.chat().messages(0).role(), "system");
  EXPECT_EQ(request.chat().messages(1).role(), "user");
  EXPECT_EQ(request.chat().history(), v1::REPLACE);
}

TEST(PromptFlagsTest, ExactlyOneInputIsRequired) {
  PromptFlags flags;
  EXPECT_FALSE(Parse({}, flags));
  EXPECT_FALSE(Parse({"--prompt", "a", "--chat", "b"}, flags));
}

TEST(PromptFlagsTest, SystemAndReplaceBelongToChats) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--prompt", "a", "--system", "s"},
        std::vector<std::string>{"--tokens", "1", "--replace"}}) {
    PromptFlags flags;
    ASSERT_TRUE(Parse(words, flags));
    v1::GenerateRequest request;
    EXPECT_EQ(ExitCodeOf(FillInput(flags, request)), ExitCode::kUsage);
  }
}

TEST(PromptFlagsTest, TokenizeTakesTheSameInputs) {
  PromptFlags flags;
  ASSERT_TRUE(Parse({"--tokens", "1,2"}, flags));
  v1::TokenizeRequest request;
  ASSERT_TRUE(FillInput(flags, request).ok());
  EXPECT_EQ(request.tokens().ids_size(), 2);
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "worker/text/text_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::text {
namespace {

// A folder of the test's own with a tokenizer.json, gone at its end.
class TextFilesTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "text_files_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    Write("tokenizer.json", "{}");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ + "/" + name) << text;
  }

  std::string folder_;
};

TEST_F(TextFilesTest, AFolderWithoutTokenizerIsNamed) {
  std::filesystem::remove(folder_ + "/tokenizer.json");
  const auto files = ReadTextFiles(folder_);
  EXPECT_TRUE(HasReason(files.status(), Reason::kModelNotFound));
  EXPECT_THAT(std::string(files.status().message()), testing::HasSubstr("tokenizer.json"));
  EXPECT_THAT(std::string(files.status().message()), testing::Not(testing::HasSubstr(folder_)));
}

TEST_F(TextFilesTest, OnlyTheTokenizerIsNeeded) {
  const auto files = ReadTextFiles(folder_);
  ASSERT_TRUE(files.ok()) << files.status();
  EXPECT_EQ(files->chat_template, "");
  EXPECT_TRUE(files->eos_token_ids.empty());
}

TEST_F(TextFilesTest, TheTemplateFileWinsOverTheConfig) {
  Write("tokenizer_config.json", R"({"chat_template": "old", "bos_token": {"content": "<s>"}})");
  EXPECT_EQ(ReadTextFiles(folder_)->chat_template, "old");
  Write("chat_template.jinja", "new");
  EXPECT_EQ(ReadTextFiles(folder_)->chat_template, "new");
  EXPECT_THAT(ReadTextFiles(folder_)->named_tokens,
              testing::ElementsAre(testing::Pair("bos_token", "<s>")));
}

TEST_F(TextFilesTest, NamedTemplatesAreToldApart) {
  Write("tokenizer_config.json",
        R"({"chat_template": [{"name": "default", "template": "d"}, 7,
            {"name": "tool_use", "template": "t"}, {"name": "rag", "template": "r"}]})");
  const auto files = ReadTextFiles(folder_);
  EXPECT_EQ(files->chat_template, "d");
  EXPECT_EQ(files->tool_chat_template, "t");
}

TEST_F(TextFilesTest, EosIsOneIdOrSeveralAndTheGenerationConfigWins) {
  Write("config.json", R"({"eos_token_id": 5})");
  EXPECT_THAT(ReadTextFiles(folder_)->eos_token_ids, testing::ElementsAre(5));
  Write("generation_config.json", R"({"eos_token_id": [9, 2, 9]})");
  EXPECT_THAT(ReadTextFiles(folder_)->eos_token_ids, testing::ElementsAre(2, 9));
  Write("generation_config.json", R"({"eos_token_id": null})");
  EXPECT_THAT(ReadTextFiles(folder_)->eos_token_ids, testing::ElementsAre(5));
}

TEST_F(TextFilesTest, ABrokenFileIsNamed) {
  Write("generation_config.json", "{");
  const auto files = ReadTextFiles(folder_);
  EXPECT_TRUE(HasReason(files.status(), Reason::kInvalidField));
  EXPECT_THAT(std::string(files.status().message()), testing::HasSubstr("generation_config.json"));
}

}  // namespace
}  // namespace pintle::text

// SPDX-License-Identifier: Apache-2.0
#include "worker/process/turn_record_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace pintle {
namespace {

class TurnRecordFileTest : public testing::Test {
 protected:
  TurnRecordFileTest() {
    folder_ = testing::TempDir() + "turn_record_XXXXXX";
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
  }
  ~TurnRecordFileTest() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<TurnRecordFile> Create(std::int64_t bytes_max) {
    auto file = TurnRecordFile::Create(folder_ + "/records", bytes_max, absl::UnixEpoch(), "1f",
                                       recorder_);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  void Record(TokenId first) {
    const SessionKey key{TenantId("t"), SessionId("s")};
    const kv::Hash128 root{1, 2};
    const TokenId tokens[] = {first, first + 1, first + 2};
    recorder_->Began(kv::KvLookup{key, root, tokens, 0}, absl::Seconds(first));
  }
  std::string Content(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::string folder_;
  std::shared_ptr<kv::TurnRecorder> recorder_ =
      std::make_shared<kv::TurnRecorder>(std::array<std::uint64_t, 2>{1, 2}, 4, 100000);
};

TEST_F(TurnRecordFileTest, AppendsLinesAndIsItsOwnersAlone) {
  auto file = Create(1 << 20);
  EXPECT_EQ(file->path(), folder_ + "/records/turns-19700101T000000Z-1f.jsonl");
  Record(1);
  file->Flush();
  Record(2);
  file->Flush();
  file->Flush();
  const std::string content = Content(file->path());
  EXPECT_EQ(std::count(content.begin(), content.end(), '\n'), 2);
  EXPECT_NE(content.find("{\"timestamp\": 1000, "), std::string::npos);
  struct stat status = {};
  ASSERT_EQ(stat(file->path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
}

TEST_F(TurnRecordFileTest, WhatWasRecordedLastIsWrittenAtTheEnd) {
  auto file = Create(1 << 20);
  const std::string path = file->path();
  Record(1);
  file.reset();
  EXPECT_EQ(Content(path).find("{\"timestamp\": 0, "), 0U);
}

TEST_F(TurnRecordFileTest, EndsAtItsBoundWithAWholeLine) {
  auto file = Create(250);
  for (int i = 1; i < 10; ++i) Record(i);
  file->Flush();
  Record(10);
  file->Flush();
  const std::string content = Content(file->path());
  EXPECT_LE(content.size(), 250U);
  ASSERT_FALSE(content.empty());
  EXPECT_EQ(content.back(), '\n');
}

TEST_F(TurnRecordFileTest, AFolderThatCannotBeIsRefusedByItsFlag) {
  std::ofstream(folder_ + "/records") << "a file";
  const auto file =
      TurnRecordFile::Create(folder_ + "/records", 1000, absl::UnixEpoch(), "1f", recorder_);
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(file.status().message().find("--record-turns"), std::string::npos);
}

}  // namespace
}  // namespace pintle

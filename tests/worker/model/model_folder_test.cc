// SPDX-License-Identifier: Apache-2.0
#include "worker/model/model_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "contract/errors.h"

namespace pintle::model {
namespace {

namespace fs = std::filesystem;

class ModelFolderTest : public testing::Test {
 protected:
  // A copy of a tiny model that a test may damage.
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::copy(fs::path(PINTLE_SOURCE_DIR) / "tests/data/model/llama_plain", folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  absl::StatusOr<ModelFolder> Open() const { return ModelFolder::Open(folder_.string()); }

  void ExpectRefused(Reason reason, const std::string& name) const {
    const absl::Status status = Open().status();
    EXPECT_TRUE(HasReason(status, reason)) << status;
    EXPECT_NE(status.message().find(name), std::string::npos) << status;
    EXPECT_EQ(status.message().find(folder_.string()), std::string::npos) << "a path leaks";
  }

  fs::path folder_;
};

TEST_F(ModelFolderTest, ReadsConfigurationWeightsAndDefaults) {
  Write("generation_config.json", R"({"do_sample": false})");
  auto folder = Open();
  ASSERT_TRUE(folder.ok()) << folder.status();
  EXPECT_EQ(folder->config().architecture, "LlamaForCausalLM");
  EXPECT_EQ(folder->defaults().do_sample, false);
  EXPECT_TRUE(folder->TakeWeights()->Find("model.norm.weight").ok());
}

TEST_F(ModelFolderTest, FingerprintChangesWithEachThingThatMatters) {
  const std::string before = Open()->Fingerprint("f32", 2);
  EXPECT_EQ(Open()->Fingerprint("f32", 1), before);
  EXPECT_NE(Open()->Fingerprint("bf16", 2), before);
  Write("tokenizer.json", "{}");
  const std::string with_tokenizer = Open()->Fingerprint("f32", 2);
  EXPECT_NE(with_tokenizer, before);
  std::fstream weights(folder_ / "model.safetensors",
                       std::ios::in | std::ios::out | std::ios::binary);
  weights.seekp(-1, std::ios::end);
  weights.put('\x7');
  weights.close();
  EXPECT_NE(Open()->Fingerprint("f32", 2), with_tokenizer);
}

TEST_F(ModelFolderTest, ReadsTheShardsThatTheIndexNames) {
  fs::rename(folder_ / "model.safetensors", folder_ / "model-00001-of-00001.safetensors");
  ExpectRefused(Reason::kModelNotFound, "model.safetensors");
  Write("model.safetensors.index.json",
        R"({"weight_map": {"model.norm.weight": "model-00001-of-00001.safetensors"}})");
  EXPECT_TRUE(Open().ok()) << Open().status();
  Write("model.safetensors.index.json", R"({"weight_map": {"x": "../secret.safetensors"}})");
  ExpectRefused(Reason::kInvalidField, "index.json");
}

TEST_F(ModelFolderTest, WhatIsMissingOrBrokenIsNamed) {
  fs::remove(folder_ / "config.json");
  ExpectRefused(Reason::kModelNotFound, "config.json");
  Write("config.json", "{");
  ExpectRefused(Reason::kInvalidField, "config.json");
  fs::remove_all(folder_);
  ExpectRefused(Reason::kModelNotFound, "model folder");
}

TEST_F(ModelFolderTest, ATruncatedWeightFileIsRefused) {
  fs::resize_file(folder_ / "model.safetensors", 5000);
  const absl::Status status = Open().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
}

}  // namespace
}  // namespace pintle::model

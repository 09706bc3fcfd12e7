// SPDX-License-Identifier: Apache-2.0
#include "worker/text/bridge/safetensors_file.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "contract/errors.h"
#include "contract/limits.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle::text {
namespace {

std::string File(const std::string& header, const std::string& data) {
  const std::uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  return bytes + header + data;
}

constexpr char kTwo[] = R"({"b":{"dtype":"BF16","shape":[2],"data_offsets":[8,12]},)"
                        R"("a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})";

// A folder of the test's own.
class SafetensorsFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "safetensors_XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  absl::StatusOr<std::unique_ptr<SafetensorsFile>> Opened(const std::string& bytes) {
    const std::string path = folder_ + "/model.safetensors";
    std::ofstream(path, std::ios::binary) << bytes;
    return SafetensorsFile::Open(path);
  }
  void ExpectRefused(const std::string& bytes, const std::string& cause) {
    const auto file = Opened(bytes);
    EXPECT_TRUE(HasReason(file.status(), Reason::kInvalidField)) << file.status();
    const std::string message(file.status().message());
    EXPECT_THAT(message, testing::StartsWith("model.safetensors "));
    EXPECT_THAT(message, testing::HasSubstr(cause));
    EXPECT_THAT(message, testing::Not(testing::HasSubstr(folder_)));
  }

  std::string folder_;
};

TEST_F(SafetensorsFileTest, ListsTensorsInTheOrderOfTheirData) {
  const auto file = Opened(File(kTwo, "12345678abcd"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ((*file)->entries().size(), 2U);
  const SafetensorsEntry& a = (*file)->entries()[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.dtype, "F32");
  EXPECT_THAT(a.shape, testing::ElementsAre(1, 2));
  EXPECT_EQ(std::string(a.bytes.begin(), a.bytes.end()), "12345678");
  const SafetensorsEntry* b = (*file)->Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, "BF16");
  EXPECT_EQ(std::string(b->bytes.begin(), b->bytes.end()), "abcd");
  EXPECT_EQ((*file)->Find("c"), nullptr);
}

TEST_F(SafetensorsFileTest, BytesAreTheMappingItself) {
  const auto file = Opened(File(kTwo, "12345678abcd"));
  ASSERT_TRUE(file.ok());
  for (const SafetensorsEntry& entry : (*file)->entries()) {
    EXPECT_GE(entry.bytes.data(), (*file)->bytes().data());
    EXPECT_LE(entry.bytes.data() + entry.bytes.size(),
              (*file)->bytes().data() + (*file)->bytes().size());
  }
}

TEST_F(SafetensorsFileTest, AMissingFileIsNotFound) {
  const auto file = SafetensorsFile::Open(folder_ + "/none.safetensors");
  EXPECT_TRUE(HasReason(file.status(), Reason::kModelNotFound));
}

TEST_F(SafetensorsFileTest, EveryTruncationIsRefused) {
  const std::string whole = File(kTwo, "12345678abcd");
  for (std::size_t size = 1; size < whole.size(); ++size) {
    EXPECT_FALSE(Opened(whole.substr(0, size)).ok()) << size;
  }
  ExpectRefused("", "is empty");
  ExpectRefused("1234", "too short");
  ExpectRefused(whole.substr(0, 20), "truncated");
  ExpectRefused(whole + "x", "safetensors");
}

TEST_F(SafetensorsFileTest, OverlapsHolesAndWrongSizesAreRefused) {
  ExpectRefused(File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
                     R"("b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}})",
                     "123456"),
                "safetensors");
  ExpectRefused(File(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", "12345678"),
                "safetensors");
  ExpectRefused(File(R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,4]}})", "1234"),
                "safetensors");
  ExpectRefused(File(R"({"a":{"dtype":"F32","shape":[4611686018427387904,8],)"
                     R"("data_offsets":[0,4]}})",
                     "1234"),
                "safetensors");
  ExpectRefused(File(R"({"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}})", "1234"),
                "safetensors");
  ExpectRefused(File("{", ""), "safetensors");
}

TEST_F(SafetensorsFileTest, AHugeHeaderIsRefusedByItsLength) {
  std::string bytes(64, ' ');
  const std::uint64_t size = limits::kTensorHeaderBytes + 1;
  std::memcpy(bytes.data(), &size, sizeof(size));
  ExpectRefused(bytes, "limit");
}

TEST_F(SafetensorsFileTest, TooManyTensorsAreRefused) {
  std::string header = "{";
  for (std::size_t i = 0; i <= limits::kTensors; ++i) {
    absl::StrAppend(&header, i == 0 ? "" : ",", "\"", i,
                    R"(":{"dtype":"U8","shape":[0],"data_offsets":[0,0]})");
  }
  ExpectRefused(File(header + "}", ""), "limit");
}

}  // namespace
}  // namespace pintle::text

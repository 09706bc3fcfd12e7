// SPDX-License-Identifier: Apache-2.0
#include "services/identity/identity_files.h"

#include <unistd.h>

#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string WriteFile(const std::string& content) {
  static int number = 0;
  const std::string path = ::testing::TempDir() + "identity_" + std::to_string(::getpid()) + "_" +
                           std::to_string(number++);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

TEST(IdentityFilesTest, ATokenLosesItsNewline) {
  EXPECT_EQ(*ReadTokenFile("--f", WriteFile("  sesame\n")), "sesame");
}

TEST(IdentityFilesTest, MistakesNameTheFlagAndNeverTheContent) {
  for (const std::string& content : {std::string(), std::string("  \n"), std::string("ses\name\n"),
                                     std::string(5000, 'x'), std::string("s\xff")}) {
    const absl::Status status = ReadTokenFile("--cluster-token-file", WriteFile(content)).status();
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(std::string(status.message()), HasSubstr("--cluster-token-file"));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("ses")));
  }
}

TEST(IdentityFilesTest, AMissingFileOrAFolderIsRefused) {
  EXPECT_EQ(ReadTokenFile("--f", ::testing::TempDir() + "none").status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_FALSE(ReadTokenFile("--f", ::testing::TempDir()).ok());
}

TEST(IdentityFilesTest, FilesMakeTheRules) {
  IdentityFiles files;
  files.cluster_token = WriteFile("c\n");
  files.admin_token = WriteFile("a\n");
  files.tenants = WriteFile("abc ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto rules = LoadCallerRules(ProcessKind::kCoordinator, false, files);
  ASSERT_TRUE(rules.ok()) << rules.status();
  EXPECT_TRUE(rules->RequireCluster({"Bearer c", ""}).ok());
  EXPECT_TRUE(rules->RequireAdmin({"Bearer a", ""}).ok());
  EXPECT_EQ(*rules->TenantOf({"Bearer abc", ""}), TenantId("abc"));
  EXPECT_TRUE(rules->kv_limits().empty());
  files.tenants = WriteFile("abc " + std::string(64, 'a') + " kv_quota_tokens=64");
  ASSERT_EQ(LoadCallerRules(ProcessKind::kWorker, true, files)->kv_limits().size(), 1U);
  files.tenants = WriteFile("abc");
  EXPECT_THAT(std::string(LoadCallerRules(ProcessKind::kWorker, true, files).status().message()),
              HasSubstr("--tenants"));
}

}  // namespace
}  // namespace pintle

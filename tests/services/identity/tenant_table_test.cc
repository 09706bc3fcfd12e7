// SPDX-License-Identifier: Apache-2.0
#include "services/identity/tenant_table.h"

#include <string>

#include "contract/errors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;

const std::string kDigestA(64, 'a');
const std::string kDigestB(64, 'b');

std::string ErrorOf(const std::string& text) {
  const absl::Status status = TenantTable::Parse(text).status();
  EXPECT_TRUE(HasReason(status, Reason::kInvalidField)) << status;
  return std::string(status.message());
}

TEST(TenantTableTest, ReadsTenantsAndSkipsComments) {
  const auto table = TenantTable::Parse("# who\n\nalice " + kDigestA + "\r\n\tbob\t" + kDigestB);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->size(), 2U);
  EXPECT_EQ(table->Find(*TokenDigest::FromHex(kDigestA)), TenantId("alice"));
  EXPECT_EQ(table->Find(*TokenDigest::FromHex(kDigestB)), TenantId("bob"));
  EXPECT_EQ(table->Find(TokenDigest::Of("x")), std::nullopt);
}

TEST(TenantTableTest, ATenantMayRotateItsToken) {
  const auto table = TenantTable::Parse("alice " + kDigestA + "\nalice " + kDigestB + "\n");
  ASSERT_TRUE(table.ok());
  EXPECT_EQ(table->Find(*TokenDigest::FromHex(kDigestB)), TenantId("alice"));
}

TEST(TenantTableTest, LimitsStandBehindTheDigest) {
  const auto table = TenantTable::Parse("alice " + kDigestA + " kv_quota_tokens=4096\n" +
                                        "bob " + kDigestB +
                                        " kv_floor_tokens=32\tkv_quota_tokens=64\n" + "carol " +
                                        std::string(64, 'c'));
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->limits(),
            (std::vector<TenantKvLimits>{{TenantId("alice"), 4096, 0}, {TenantId("bob"), 64, 32}}));
}

TEST(TenantTableTest, ARotatedTokenRepeatsNoLimits) {
  EXPECT_TRUE(
      TenantTable::Parse("a " + kDigestA + " kv_quota_tokens=64\na " + kDigestB + "\n").ok());
  EXPECT_THAT(
      ErrorOf("a " + kDigestA + " kv_quota_tokens=64\na " + kDigestB + " kv_floor_tokens=1"),
      HasSubstr("line 2 gives limits that an earlier line"));
}

TEST(TenantTableTest, FaultyLimitsNameFieldValueAndLimit) {
  EXPECT_THAT(ErrorOf("a " + kDigestA + " quota=64"), HasSubstr("kv_quota_tokens=N"));
  for (const std::string value : {"", "0", "-1", "1e3", "64KiB", "2147483648"}) {
    EXPECT_THAT(ErrorOf("a " + kDigestA + " kv_quota_tokens=" + value),
                HasSubstr("line 1 has a kv_quota_tokens that is not 1 to 2147483647"));
  }
  EXPECT_THAT(ErrorOf("a " + kDigestA + " kv_floor_tokens=1 kv_floor_tokens=1"),
              HasSubstr("kv_floor_tokens twice"));
  EXPECT_THAT(ErrorOf("a " + kDigestA + " kv_floor_tokens=65 kv_quota_tokens=64"),
              HasSubstr("kv_floor_tokens of 65, limit is its quota of 64"));
}

TEST(TenantTableTest, MistakesNameTheLine) {
  EXPECT_THAT(ErrorOf("alice\n"), HasSubstr("line 1 "));
  EXPECT_THAT(ErrorOf("# x\nalice " + kDigestA + " more"), HasSubstr("line 2 "));
  EXPECT_THAT(ErrorOf("al/ice " + kDigestA), HasSubstr("name"));
  EXPECT_THAT(ErrorOf("alice " + kDigestA.substr(1)), HasSubstr("digest"));
  EXPECT_THAT(ErrorOf("alice " + kDigestA + "\nbob " + kDigestA), HasSubstr("earlier line"));
  EXPECT_THAT(ErrorOf(""), HasSubstr("no tenant"));
}

}  // namespace
}  // namespace pintle

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

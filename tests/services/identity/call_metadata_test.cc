// SPDX-License-Identifier: Apache-2.0
#include "services/identity/call_metadata.h"

#include <grpcpp/server_context.h>
#include <grpcpp/test/server_context_test_spouse.h>

#include <string>

#include "gtest/gtest.h"

namespace pintle {
namespace {

class CallMetadataTest : public ::testing::Test {
 protected:
  grpc::ServerContext context_;
  grpc::testing::ServerContextTestSpouse spouse_{&context_};
};

TEST_F(CallMetadataTest, NothingSaidIsEmpty) {
  EXPECT_EQ(CredentialsOf(context_).authorization, "");
  EXPECT_EQ(CredentialsOf(context_).tenant, "");
  EXPECT_EQ(TraceparentOf(context_), "");
}

TEST_F(CallMetadataTest, CredentialsAreRead) {
  spouse_.AddClientMetadata("authorization", "Bearer t");
  spouse_.AddClientMetadata("x-pintle-tenant", "alice");
  EXPECT_EQ(CredentialsOf(context_).authorization, "Bearer t");
  EXPECT_EQ(CredentialsOf(context_).tenant, "alice");
}

TEST_F(CallMetadataTest, AKeyGivenTwiceCountsAsNotGiven) {
  spouse_.AddClientMetadata("authorization", "Bearer a");
  spouse_.AddClientMetadata("authorization", "Bearer b");
  EXPECT_EQ(CredentialsOf(context_).authorization, "");
}

TEST_F(CallMetadataTest, ATraceparentMustHaveItsForm) {
  const std::string good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  spouse_.AddClientMetadata("traceparent", good);
  EXPECT_EQ(TraceparentOf(context_), good);
  for (const std::string& bad : {good + "0", "XX" + good.substr(2), std::string("a\nb")}) {
    grpc::ServerContext context;
    grpc::testing::ServerContextTestSpouse spouse(&context);
    spouse.AddClientMetadata("traceparent", bad);
    EXPECT_EQ(TraceparentOf(context), "") << bad;
  }
}

}  // namespace
}  // namespace pintle

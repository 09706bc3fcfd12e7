// SPDX-License-Identifier: Apache-2.0
#include "services/host/transport_security.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;

const std::string kFolder = PINTLE_SOURCE_DIR "/tests/data/tls/";

std::string ErrorOf(const TlsFiles& files) {
  return std::string(TransportSecurity::Load(files).status().message());
}

TEST(TransportSecurityTest, ACertificateAndItsKeyGoTogether) {
  EXPECT_THAT(ErrorOf({kFolder + "localhost.crt", "", ""}), HasSubstr("--tls-key"));
  EXPECT_THAT(ErrorOf({"", kFolder + "localhost.key", ""}), HasSubstr("--tls-cert"));
}

TEST(TransportSecurityTest, AMissingFileNamesItsFlag) {
  EXPECT_THAT(ErrorOf({kFolder + "none", kFolder + "localhost.key", ""}), HasSubstr("--tls-cert"));
  EXPECT_THAT(ErrorOf({"", "", kFolder + "none"}), HasSubstr("--tls-ca"));
}

TEST(TransportSecurityTest, PlaintextIsForLoopbackUnlessItIsAllowed) {
  const auto plain = TransportSecurity::Load({});
  ASSERT_TRUE(plain.ok());
  const ListenAddress here{"127.0.0.1", 1};
  const ListenAddress everywhere{"0.0.0.0", 1};
  EXPECT_TRUE(plain->ServerCredentials(here, false).ok());
  EXPECT_TRUE(plain->ServerCredentials(everywhere, true).ok());
  EXPECT_EQ(plain->ServerCredentials(everywhere, false).status().code(),
            absl::StatusCode::kFailedPrecondition);
  const auto tls =
      TransportSecurity::Load({kFolder + "localhost.crt", kFolder + "localhost.key", ""});
  ASSERT_TRUE(tls.ok());
  EXPECT_TRUE(tls->ServerCredentials(everywhere, false).ok());
}

}  // namespace
}  // namespace pintle

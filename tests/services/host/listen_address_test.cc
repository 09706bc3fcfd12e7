// SPDX-License-Identifier: Apache-2.0
#include "services/host/listen_address.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

using ::testing::HasSubstr;

bool Loopback(const std::string& text) {
  const auto address = ListenAddress::Parse("--listen", text);
  EXPECT_TRUE(address.ok()) << address.status();
  return address->IsLoopback();
}

TEST(ListenAddressTest, OnlyThisMachinesOwnAddressesAreLoopback) {
  for (const char* text : {"127.0.0.1:1", "127.8.9.10:1", "[::1]:1", "LocalHost:0"}) {
    EXPECT_TRUE(Loopback(text)) << text;
  }
  for (const char* text : {"0.0.0.0:1", "[::]:1", "10.0.0.1:1", "localhost.example:1",
                           "128.0.0.1:1", "127.0.0.1.example:1"}) {
    EXPECT_FALSE(Loopback(text)) << text;
  }
}

TEST(ListenAddressTest, BracketsComeBack) {
  EXPECT_EQ(ListenAddress::Parse("f", "[::1]:7")->ToString(), "[::1]:7");
  EXPECT_EQ(ListenAddress::Parse("f", "h:7")->ToString(), "h:7");
}

TEST(ListenAddressTest, MistakesNameTheFlagAndTheText) {
  for (const char* text :
       {"", "host", "host:", ":7", "host:x", "host:65536", "host:-1", "::1:7", "host: 7"}) {
    const absl::Status status = ListenAddress::Parse("--listen", text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string("--listen ") + text));
  }
}

}  // namespace
}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/identity/token_digest.h"

#include <string>

#include "gtest/gtest.h"

namespace pintle {
namespace {

// The first example of FIPS 180-2.
constexpr char kAbc[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(TokenDigestTest, IsSha256) {
  EXPECT_TRUE(TokenDigest::FromHex(kAbc)->Equals(TokenDigest::Of("abc")));
  EXPECT_FALSE(TokenDigest::FromHex(kAbc)->Equals(TokenDigest::Of("abd")));
}

TEST(TokenDigestTest, OnlySixtyFourHexDigitsAreADigest) {
  EXPECT_TRUE(
      TokenDigest::FromHex("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD"));
  EXPECT_FALSE(TokenDigest::FromHex(""));
  EXPECT_FALSE(TokenDigest::FromHex(std::string(63, 'a')));
  EXPECT_FALSE(TokenDigest::FromHex(std::string(65, 'a')));
  EXPECT_FALSE(TokenDigest::FromHex(std::string(63, 'a') + "g"));
}

}  // namespace
}  // namespace pintle

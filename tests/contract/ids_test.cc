// SPDX-License-Identifier: Apache-2.0
#include "contract/ids.h"

#include <set>
#include <string>
#include <type_traits>

#include "absl/hash/hash_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(IdsTest, KindsDoNotConvertIntoEachOther) {
  static_assert(!std::is_convertible_v<TenantId, SessionId>);
  static_assert(!std::is_constructible_v<SessionId, TenantId>);
  static_assert(!std::is_convertible_v<std::string, SessionId>);
  static_assert(!std::is_convertible_v<const char*, SessionId>);
  EXPECT_EQ(SessionId("a").value(), "a");
}

TEST(IdsTest, EqualStringsAreEqualIds) {
  EXPECT_EQ(SessionId("a"), SessionId(std::string("a")));
  EXPECT_NE(SessionId("a"), SessionId("b"));
  EXPECT_TRUE(SessionId().empty());
  EXPECT_FALSE(SessionId("a").empty());
}

TEST(IdsTest, OrderIsThatOfTheStrings) {
  EXPECT_LT(SessionId("a"), SessionId("b"));
  EXPECT_LT(SessionId("a"), SessionId("aa"));
  EXPECT_GT(SessionId("b"), SessionId("aa"));
}

TEST(IdsTest, SessionKeysOrderByTenantFirst) {
  const std::set<SessionKey> keys = {{TenantId("b"), SessionId("1")},
                                     {TenantId("a"), SessionId("2")},
                                     {TenantId("a"), SessionId("1")}};
  EXPECT_THAT(keys, testing::ElementsAre(SessionKey{TenantId("a"), SessionId("1")},
                                         SessionKey{TenantId("a"), SessionId("2")},
                                         SessionKey{TenantId("b"), SessionId("1")}));
}

TEST(IdsTest, SessionKeysHashAsTheyCompare) {
  // ("ab", "c") and ("a", "bc") must differ: a key is no concatenation.
  EXPECT_TRUE(absl::VerifyTypeImplementsAbslHashCorrectly(
      {SessionKey{TenantId("ab"), SessionId("c")}, SessionKey{TenantId("a"), SessionId("bc")},
       SessionKey{TenantId("a"), SessionId("")}, SessionKey{TenantId(""), SessionId("a")},
       SessionKey{}}));
}

}  // namespace
}  // namespace pintle

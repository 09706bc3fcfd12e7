// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/session_table.h"

#include <string>

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

SessionKey Key(const std::string& name) { return SessionKey{TenantId("t"), SessionId(name)}; }

class SessionTableTest : public testing::Test {
 protected:
  std::int32_t Create(const std::string& name) { return table_.Create(Key(name), 5, &forgotten_); }

  BlockPool pool_{4, 16};
  SessionTable table_{pool_, 2};
  std::int32_t forgotten_ = -1;
};

TEST_F(SessionTableTest, KeysOfDifferentTenantsAreDifferentSessions) {
  Create("a");
  EXPECT_NE(table_.Find(Key("a")), -1);
  EXPECT_EQ(table_.Find(SessionKey{TenantId("u"), SessionId("a")}), -1);
}

TEST_F(SessionTableTest, TheLongestColdSessionMakesRoom) {
  const std::int32_t a = Create("a");
  Create("b");
  table_.SetRunning(a, 0);
  table_.SetRunning(a, -1);
  EXPECT_NE(Create("c"), -1);
  EXPECT_EQ(forgotten_, 5);
  EXPECT_EQ(table_.Find(Key("b")), -1);
  EXPECT_EQ(table_.Find(Key("a")), a);
}

TEST_F(SessionTableTest, SessionsThatHoldOrRunMakeNoRoom) {
  table_.Hold(Create("a"), pool_.TakeFree(), 3);
  table_.SetRunning(Create("b"), 0);
  EXPECT_FALSE(table_.HasRoom());
  EXPECT_EQ(Create("c"), -1);
  EXPECT_EQ(table_.idle(), 1);
  EXPECT_EQ(table_.running(), 1);
  EXPECT_EQ(table_.cold(), 0);
}

TEST_F(SessionTableTest, ABlockKnowsTheSessionsThatEndInIt) {
  const BlockIndex block = pool_.TakeFree();
  const BlockIndex other = pool_.TakeFree();
  pool_.SetFilled(block, 10);
  const std::int32_t a = Create("a");
  const std::int32_t b = Create("b");
  table_.Hold(a, block, 3);
  table_.Hold(b, block, 7);
  EXPECT_EQ(pool_[block].tails, 2);
  EXPECT_EQ(table_.LongestUse(block), 7);
  table_.Hold(b, other, 1);
  EXPECT_EQ(pool_[block].tails, 1);
  EXPECT_EQ(table_.LongestUse(block), 3);
  EXPECT_EQ(pool_[block].first_tail, a);
  table_.Hold(a, kNoBlock, 0);
  EXPECT_EQ(pool_[block].first_tail, -1);
  EXPECT_EQ(table_.cold(), 1);
}

}  // namespace
}  // namespace pintle::kv

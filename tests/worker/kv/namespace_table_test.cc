// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/namespace_table.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(NamespaceTableTest, ANamespaceLivesAsLongAsSomethingCountsOnIt) {
  const BlockHash hash({1, 2});
  NamespaceTable table(hash, "/model");
  const std::int32_t a = table.Use(TenantId("a"));
  EXPECT_EQ(table.Use(TenantId("a")), a);
  const std::int32_t b = table.Use(TenantId("b"));
  EXPECT_NE(a, b);
  table.Drop(a);
  EXPECT_EQ(table.Find(TenantId("a")), a);
  table.Drop(a);
  EXPECT_EQ(table.Find(TenantId("a")), -1);
  EXPECT_EQ(table.Find(TenantId("b")), b);
  // Its number serves the next, so the table is bounded by what is alive.
  EXPECT_EQ(table.Use(TenantId("c")), a);
  EXPECT_EQ(table.bound(), 2);
}

TEST(NamespaceTableTest, RootsDifferByTenantAndByWhatIsShared) {
  const BlockHash hash({1, 2});
  const NamespaceTable one(hash, "/model");
  const NamespaceTable two(hash, "/other");
  EXPECT_NE(one.RootOf(TenantId("a")), one.RootOf(TenantId("b")));
  EXPECT_NE(one.RootOf(TenantId("a")), two.RootOf(TenantId("a")));
  EXPECT_EQ(one.RootOf(TenantId("a")), NamespaceTable(hash, "/model").RootOf(TenantId("a")));
}

}  // namespace
}  // namespace pintle::kv

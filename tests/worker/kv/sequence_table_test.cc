// SPDX-License-Identifier: Apache-2.0
#include "worker/kv/sequence_table.h"

#include "gtest/gtest.h"

namespace pintle::kv {
namespace {

TEST(SequenceTableTest, SlotsAreCleanDistinctAndFinite) {
  SequenceTable table(2, 4);
  const std::int32_t a = table.Take();
  const std::int32_t b = table.Take();
  EXPECT_NE(a, b);
  EXPECT_FALSE(table.HasRoom());
  EXPECT_EQ(table.Take(), -1);
  table[a].tokens = 9;
  table.GiveBack(a);
  EXPECT_EQ(table.Take(), a);
  EXPECT_EQ(table[a].tokens, 0);
}

TEST(SequenceTableTest, TablesDoNotOverlap) {
  SequenceTable table(2, 3);
  for (const std::int32_t slot : {table.Take(), table.Take()}) {
    table[slot].blocks = 3;
    for (int i = 0; i < 3; ++i) table.Table(slot)[i] = 10 * slot + i;
  }
  for (const std::int32_t slot : {0, 1}) {
    for (std::size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(table.TableOf(slot)[i], 10 * slot + static_cast<int>(i));
    }
  }
}

}  // namespace
}  // namespace pintle::kv

// SPDX-License-Identifier: Apache-2.0
#include "cli/table.h"

#include "gtest/gtest.h"

namespace pintle {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCellAndAligned) {
  Table table({{"NAME"}, {"N", Align::kRight}, {"X"}});
  table.AddRow({"a", "1,000", "x"});
  table.AddRow({"longer", "7", ""});
  EXPECT_EQ(table.ToString(),
            "NAME        N  X\n"
            "a       1,000  x\n"
            "longer      7");
}

TEST(TableTest, WidthCountsCharactersNotBytes) {
  Table table({{"A"}, {"B"}});
  table.AddRow({"\xc3\xbc\xc3\xbc", "1"});
  table.AddRow({"uu", "2"});
  EXPECT_EQ(table.ToString(), "A   B\n\xc3\xbc\xc3\xbc  1\nuu  2");
}

TEST(TableTest, CellsCannotCommandTheTerminalOrBreakTheRow) {
  Table table({{"A"}});
  table.AddRow({"x\033[2J\ny"});
  EXPECT_EQ(table.ToString(), "A\nx^[[2J^Jy");
}

TEST(TableTest, NumbersAreGroupedByThousands) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(1234567), "1,234,567");
  EXPECT_EQ(Grouped(-123), "-123");
  EXPECT_EQ(Grouped(-1234), "-1,234");
}

TEST(TableTest, TimesHaveTheUnitAPersonWouldPick) {
  EXPECT_EQ(ReadableSeconds(0.042), "42 ms");
  EXPECT_EQ(ReadableSeconds(3.44), "3.4 s");
  EXPECT_EQ(ReadableSeconds(300), "5 min");
  EXPECT_EQ(ReadableSeconds(7560), "2.1 h");
  EXPECT_EQ(ReadableSeconds(259200), "3.0 d");
}

TEST(TableTest, NothingIsShownAsADash) {
  EXPECT_EQ(OrDash(""), "-");
  EXPECT_EQ(OrDash("a"), "a");
}

}  // namespace
}  // namespace pintle

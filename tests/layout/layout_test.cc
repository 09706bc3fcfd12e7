// SPDX-License-Identifier: Apache-2.0
// The rules of the house, applied to this repository.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/layout/arrows.h"
#include "tests/layout/file_rules.h"
#include "tests/layout/mirror.h"
#include "tests/layout/source_tree.h"

namespace pintle::layout {
namespace {

const std::vector<SourceFile>& Repository() {
  static const std::vector<SourceFile> kFiles = ReadSourceTree(PINTLE_SOURCE_DIR);
  return kFiles;
}

// One line per violation, as a compiler would print them.
std::string Report(const Violations& wrong) {
  std::string text;
  for (const std::string& line : wrong) text += line + "\n";
  return text;
}

TEST(Layout, TheWholeTreeIsRead) {
  std::size_t found = 0;
  for (const SourceFile& file : Repository()) {
    if (file.path == "CMakeLists.txt" || file.path == "contract/ids.h" ||
        file.path == "tests/layout/layout_test.cc") {
      ++found;
    }
    EXPECT_FALSE(IsBelow(file.path, "build")) << file.path;
  }
  EXPECT_EQ(found, 3U);
}

TEST(Layout, ArrowsPointOneWay) { EXPECT_EQ(Report(WrongArrows(Repository())), ""); }

TEST(Layout, LibrariesStayInTheirRooms) { EXPECT_EQ(Report(WrongLibraries(Repository())), ""); }

TEST(Layout, FilesAreShort) { EXPECT_EQ(Report(LongFiles(Repository())), ""); }

TEST(Layout, FunctionsAreShort) { EXPECT_EQ(Report(LongFunctions(Repository())), ""); }

TEST(Layout, LinesAreShort) { EXPECT_EQ(Report(WideLines(Repository())), ""); }

TEST(Layout, EveryUnitHasItsTest) {
  EXPECT_EQ(Report(MissingTests(Repository(), KnownExceptions())), "");
}

TEST(Layout, CodeIsAscii) { EXPECT_EQ(Report(NonAscii(Repository())), ""); }

TEST(Layout, CodeNamesItsLicence) { EXPECT_EQ(Report(MissingLicenceLines(Repository())), ""); }

TEST(Layout, FoldersExplainThemselves) { EXPECT_EQ(Report(MissingReadmes(Repository())), ""); }

TEST(Layout, NamesSaySomething) { EXPECT_EQ(Report(EmptyNames(Repository())), ""); }

}  // namespace
}  // namespace pintle::layout

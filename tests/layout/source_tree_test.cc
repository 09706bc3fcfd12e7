// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/source_tree.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace pintle::layout {
namespace {

void Write(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(ReadSourceTree, LeavesOutWhatToolsMake) {
  const std::filesystem::path root =
      std::filesystem::path(::testing::TempDir()) / "pintle_source_tree_test";
  std::filesystem::remove_all(root);
  Write(root / "a/b.cc", "text");
  for (const char* foreign : {"build/x.cc", ".deps/x.cc", "models/x.cc", "tests/data/x.cc",
                              "worker/bridge/target/x.rs", "a/__pycache__/x.py"}) {
    Write(root / foreign, "");
  }
  const std::vector<SourceFile> files = ReadSourceTree(root);
  ASSERT_EQ(files.size(), 1U);
  EXPECT_EQ(files[0].path, "a/b.cc");
  EXPECT_EQ(files[0].text, "text");
  std::filesystem::remove_all(root);
}

TEST(Paths, AreTakenApart) {
  EXPECT_EQ(FolderOf("a/b/c.cc"), "a/b");
  EXPECT_EQ(FolderOf("c.cc"), "");
  EXPECT_EQ(StemOf("a/b/c_test.cc"), "c_test");
  EXPECT_TRUE(IsBelow("worker/kv/a.h", "worker"));
  EXPECT_FALSE(IsBelow("workers/a.h", "worker"));
  EXPECT_TRUE(IsCode("a/CMakeLists.txt"));
  EXPECT_FALSE(IsCode("a/pins.txt"));
}

TEST(LinesOf, DoesNotCountTheLastLineEnd) {
  EXPECT_EQ(LinesOf("a\n\nb\n"), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_TRUE(LinesOf("").empty());
}

}  // namespace
}  // namespace pintle::layout

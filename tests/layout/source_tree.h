// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_TESTS_LAYOUT_SOURCE_TREE_H_
#define PINTLE_TESTS_LAYOUT_SOURCE_TREE_H_

#include <string>
#include <string_view>
#include <vector>

namespace pintle::layout {

// One file of the repository; `path` is relative to its root, with forward slashes.
struct SourceFile {
  std::string path;
  std::string text;
};

// A broken rule, as "path:line: what is wrong", so that editors jump to it.
using Violations = std::vector<std::string>;

// The repository's own files below `root`, sorted by path: no build output, downloads, hidden
// folders or test data. Requires: root exists.
std::vector<SourceFile> ReadSourceTree(const std::string& root);

// "a/b/c.cc" -> "a/b"; "c.cc" -> "".
std::string FolderOf(std::string_view path);
// "a/b/c.test.cc" -> "c.test".
std::string StemOf(std::string_view path);
// C++ source or header.
bool IsCpp(std::string_view path);
// Any file that is code rather than prose or data.
bool IsCode(std::string_view path);
// Whether `path` lies in `folder` or below it.
bool IsBelow(std::string_view path, std::string_view folder);
std::vector<std::string> LinesOf(std::string_view text);

}  // namespace pintle::layout

#endif  // PINTLE_TESTS_LAYOUT_SOURCE_TREE_H_

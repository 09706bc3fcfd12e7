// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/source_tree.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace pintle::layout {
namespace {

namespace fs = std::filesystem;

// Folders that hold what tools make or download, or what is data by intent.
bool IsForeign(const std::string& path) {
  static constexpr std::array<std::string_view, 4> kRoots = {"build", "models", "tests/data",
                                                             ".git"};
  if (std::find(kRoots.begin(), kRoots.end(), path) != kRoots.end()) return true;
  const std::string name = fs::path(path).filename();
  return name == "target" || name == "__pycache__" || (name.size() > 1 && name[0] == '.');
}

}  // namespace

std::vector<SourceFile> ReadSourceTree(const std::string& root) {
  std::vector<SourceFile> files;
  fs::recursive_directory_iterator entry(root), end;
  for (; entry != end; ++entry) {
    const std::string path = fs::relative(entry->path(), root).generic_string();
    if (IsForeign(path)) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    if (!entry->is_regular_file()) continue;
    std::ifstream in(entry->path(), std::ios::binary);
    files.push_back({path, std::string(std::istreambuf_iterator<char>(in), {})});
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::string FolderOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : std::string(path.substr(0, slash));
}

std::string StemOf(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos) path.remove_prefix(slash + 1);
  const std::size_t dot = path.rfind('.');
  return std::string(dot == std::string_view::npos ? path : path.substr(0, dot));
}

bool IsCpp(std::string_view path) { return path.ends_with(".cc") || path.ends_with(".h"); }

bool IsCode(std::string_view path) {
  static constexpr std::array<std::string_view, 8> kEnds = {
      ".proto", ".py", ".rs", ".sh", ".cmake", "CMakeLists.txt", ".mk", "Makefile"};
  return IsCpp(path) || std::any_of(kEnds.begin(), kEnds.end(),
                                    [path](std::string_view end) { return path.ends_with(end); });
}

bool IsBelow(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) &&
         (path.size() == folder.size() || path[folder.size()] == '/' || folder.empty());
}

std::vector<std::string> LinesOf(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace pintle::layout

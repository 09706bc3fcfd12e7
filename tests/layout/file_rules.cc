// SPDX-License-Identifier: Apache-2.0
#include "tests/layout/file_rules.h"

#include <algorithm>
#include <cctype>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <string_view>

#include "tests/layout/function_scan.h"

namespace pintle::layout {
namespace {

constexpr std::size_t kFileLinesMax = 600;
constexpr int kFunctionLinesMax = 70;
constexpr std::size_t kColumnsMax = 100;

std::string At(const SourceFile& file, std::size_t line) {
  return file.path + ":" + std::to_string(line) + ": ";
}

// Calls `check(line, number)` for each line of each code file; a true answer is a violation.
template <typename Check>
Violations LinesThat(const std::vector<SourceFile>& files, const std::string& what, Check check) {
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCode(file.path)) continue;
    std::size_t number = 0;
    for (const std::string& line : LinesOf(file.text)) {
      ++number;
      if (check(line)) wrong.push_back(At(file, number) + what);
    }
  }
  return wrong;
}

bool IsEmptyName(const std::string& word) {
  static const std::set<std::string> kWords = {"util",    "utils", "utility", "common",   "helper",
                                               "helpers", "misc",  "manager", "managers", "impl"};
  std::string lower = word;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return kWords.contains(lower);
}

// Whether a word of the name, split at the separators of paths and at CamelCase, says nothing.
bool HasEmptyName(std::string_view name) {
  static const std::regex kWord("[A-Z]?[a-z0-9]+|[A-Z]+");
  const std::string text(name);
  for (std::sregex_iterator word(text.begin(), text.end(), kWord), end; word != end; ++word) {
    if (IsEmptyName(word->str())) return true;
  }
  return false;
}

// A mirrored folder of tests is explained by the README of the room it mirrors, and the folder that
// a language asks for (a package of protos, cargo's src) by the one above it.
bool NeedsReadme(const std::string& folder) {
  static const std::set<std::string> kOwnTestRooms = {
      "tests",      "tests/fakes",  "tests/conformance", "tests/sim",  "tests/e2e",
      "tests/fuzz", "tests/layout", "tests/deploy",      "tests/bench"};
  if (folder.starts_with("proto/") || folder.ends_with("/src")) return false;
  return IsBelow(folder, "tests") ? kOwnTestRooms.contains(folder) : !folder.empty();
}

}  // namespace

Violations LongFiles(const std::vector<SourceFile>& files) {
  Violations wrong;
  for (const SourceFile& file : files) {
    const std::size_t lines = LinesOf(file.text).size();
    if (IsCode(file.path) && lines > kFileLinesMax) {
      wrong.push_back(At(file, lines) + std::to_string(lines) + " lines, limit " +
                      std::to_string(kFileLinesMax));
    }
  }
  return wrong;
}

Violations LongFunctions(const std::vector<SourceFile>& files) {
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCpp(file.path)) continue;
    for (const FunctionSpan& function : FunctionsOf(file.text)) {
      if (function.lines <= kFunctionLinesMax) continue;
      wrong.push_back(At(file, static_cast<std::size_t>(function.first_line)) +
                      std::to_string(function.lines) + " lines in one function, limit " +
                      std::to_string(kFunctionLinesMax) + ": " + function.head);
    }
  }
  return wrong;
}

Violations WideLines(const std::vector<SourceFile>& files) {
  std::vector<SourceFile> read;  // Build lists are tables, whose rows may be wide.
  std::copy_if(files.begin(), files.end(), std::back_inserter(read), [](const SourceFile& file) {
    return !file.path.ends_with("CMakeLists.txt") && !file.path.ends_with(".cmake") &&
           !file.path.ends_with(".mk");
  });
  return LinesThat(read, "more than 100 columns",
                   [](const std::string& line) { return line.size() > kColumnsMax; });
}

Violations NonAscii(const std::vector<SourceFile>& files) {
  return LinesThat(files, "a character outside ASCII", [](const std::string& line) {
    return std::any_of(line.begin(), line.end(),
                       [](char c) { return static_cast<unsigned char>(c) > 127; });
  });
}

Violations MissingLicenceLines(const std::vector<SourceFile>& files) {
  static const std::regex kLicence("^(//|#) SPDX-License-Identifier: Apache-2\\.0$");
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCode(file.path)) continue;
    const std::vector<std::string> lines = LinesOf(file.text);
    const std::size_t first = !lines.empty() && lines[0].starts_with("#!") ? 1 : 0;
    if (lines.size() <= first || !std::regex_match(lines[first], kLicence)) {
      wrong.push_back(At(file, first + 1) + "the SPDX licence line is missing");
    }
  }
  return wrong;
}

Violations MissingReadmes(const std::vector<SourceFile>& files) {
  std::set<std::string> with_code, with_readme;
  for (const SourceFile& file : files) {
    const std::string folder = FolderOf(file.path);
    if (IsCode(file.path)) with_code.insert(folder);
    if (file.path.ends_with("/README.md")) with_readme.insert(folder);
  }
  Violations wrong;
  for (const std::string& folder : with_code) {
    if (NeedsReadme(folder) && !with_readme.contains(folder)) {
      wrong.push_back(folder + "/README.md:1: missing; say what belongs into this folder");
    }
  }
  return wrong;
}

Violations EmptyNames(const std::vector<SourceFile>& files) {
  static const std::regex kType(R"(^\s*(?:class|struct|enum(?: class)?)\s+(\w+))");
  Violations wrong;
  for (const SourceFile& file : files) {
    if (!IsCode(file.path)) continue;
    if (HasEmptyName(file.path)) wrong.push_back(At(file, 1) + "the name says nothing");
    if (!IsCpp(file.path)) continue;
    std::size_t number = 0;
    for (const std::string& line : LinesOf(file.text)) {
      ++number;
      std::smatch match;
      if (std::regex_search(line, match, kType) && HasEmptyName(match[1].str())) {
        wrong.push_back(At(file, number) + "the type's name says nothing: " + match[1].str());
      }
    }
  }
  return wrong;
}

}  // namespace pintle::layout

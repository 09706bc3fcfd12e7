// SPDX-License-Identifier: Apache-2.0
#include "cli/input_text.h"

#include <fstream>
#include <iostream>
#include <istream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/exit_codes.h"

namespace pintle {
namespace {

absl::StatusOr<std::string> ReadBounded(absl::string_view flag, const std::string& path,
                                        std::istream& in) {
  std::string text(kInputFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return LocalError(absl::StrCat(flag, ": cannot read ", path));
  if (text.size() > kInputFileBytes) {
    return LocalError(absl::StrCat(flag, ": ", path, " has more than ", kInputFileBytes, " bytes"));
  }
  return text;
}

}  // namespace

absl::StatusOr<std::string> ReadInputFile(absl::string_view flag, const std::string& path) {
  if (path == "-") return ReadBounded(flag, "standard input", std::cin);
  std::ifstream file(path, std::ios::binary);
  // A folder opens, but has no first byte.
  if (!file || (file.peek() == std::ifstream::traits_type::eof() && file.bad())) {
    return LocalError(absl::StrCat(flag, ": cannot open ", path));
  }
  file.clear();
  return ReadBounded(flag, path, file);
}

absl::Status WriteOutputFile(absl::string_view flag, const std::string& path,
                             absl::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text << std::flush;
  if (!file) return LocalError(absl::StrCat(flag, ": cannot write ", path));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::int32_t>> ParseTokenIds(absl::string_view flag,
                                                        absl::string_view text) {
  std::vector<std::int32_t> ids;
  for (absl::string_view word :
       absl::StrSplit(text, absl::ByAnyChar(", \t\r\n"), absl::SkipEmpty())) {
    std::int32_t id = 0;
    if (!absl::SimpleAtoi(word, &id) || id < 0) {
      return UsageError(absl::StrCat(flag, ": '", word, "' is no token id; give such as 1,2,3"));
    }
    ids.push_back(id);
  }
  if (ids.empty()) return UsageError(absl::StrCat(flag, " holds no token id; give such as 1,2,3"));
  return ids;
}

absl::StatusOr<absl::Duration> ParseSpan(absl::string_view flag, absl::string_view text) {
  double seconds = 0;
  absl::Duration span;
  if (absl::SimpleAtod(text, &seconds)) {
    span = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(text, &span)) {
    span = absl::ZeroDuration();
  }
  if (span <= absl::ZeroDuration() || span == absl::InfiniteDuration()) {
    return UsageError(
        absl::StrCat(flag, ": '", text, "' is no time; give such as 90, 10m or 1.5h"));
  }
  return span;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "cli/harmless_text.h"

#include <cstddef>

#include "absl/strings/str_format.h"
#include "contract/utf8.h"

namespace pintle {
namespace {

// Bytes of the well-formed sequence that begins here; 0 when none does.
std::size_t SequenceLength(absl::string_view text) {
  for (std::size_t length = 1; length <= 4 && length <= text.size(); ++length) {
    if (IsValidUtf8(text.substr(0, length))) return length;
  }
  return 0;
}

std::string Spelled(absl::string_view text, bool keep_layout) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    std::size_t length = SequenceLength(text);
    if (length == 0) {
      absl::StrAppendFormat(&out, "\\x%02x", first);
      length = 1;
    } else if (first < 0x20 && !(keep_layout && (first == '\n' || first == '\t'))) {
      out += '^';
      out += static_cast<char>(first + 0x40);
    } else if (first == 0x7f) {
      out += "^?";
    } else if (length == 2 && first == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(text[1]));
    } else {
      out.append(text.data(), length);
    }
    text.remove_prefix(length);
  }
  return out;
}

}  // namespace

std::string Harmless(absl::string_view text) { return Spelled(text, true); }
std::string HarmlessLine(absl::string_view text) { return Spelled(text, false); }

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_WORKER_TEXT_SEAM_UTF8_H_
#define PINTLE_WORKER_TEXT_SEAM_UTF8_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace pintle::text {

// U+FFFD, what stands for bytes that are no text.
inline constexpr absl::string_view kReplacementCharacter = "\xEF\xBF\xBD";

enum class Utf8Kind {
  kComplete,    // one well-formed code point
  kIncomplete,  // a beginning that more bytes may complete
  kBroken,      // no continuation makes it well formed
};

// What `bytes` starts with, and how many bytes that is. A broken part is as long as the Unicode
// standard's maximal subpart, so every decoder counts the same replacement characters.
struct Utf8Unit {
  Utf8Kind kind = Utf8Kind::kComplete;
  std::size_t bytes = 0;
};

// Requires: bytes is not empty.
Utf8Unit FirstUtf8Unit(absl::string_view bytes);

bool IsValidUtf8(absl::string_view bytes);

// Moves all of `pending` that is decided to the end of `out`, broken parts as U+FFFD; an
// incomplete sequence at the end stays in `pending`.
void DrainUtf8(std::string& pending, std::string& out);

}  // namespace pintle::text

#endif  // PINTLE_WORKER_TEXT_SEAM_UTF8_H_

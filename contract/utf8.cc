// SPDX-License-Identifier: Apache-2.0
#include "contract/utf8.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace pintle {
namespace {

// What may follow a lead byte: how many continuation bytes, and the range of the first of them,
// which alone tells overlong forms, surrogates and too large code points from good ones.
struct Sequence {
  std::size_t continuations;
  std::uint8_t first_min;
  std::uint8_t first_max;
};

constexpr Sequence kInvalid{0, 0, 0};

Sequence SequenceOf(std::uint8_t lead) {
  if (lead < 0xC2) return kInvalid;  // a continuation byte, or overlong
  if (lead < 0xE0) return {1, 0x80, 0xBF};
  if (lead == 0xE0) return {2, 0xA0, 0xBF};
  if (lead == 0xED) return {2, 0x80, 0x9F};
  if (lead < 0xF0) return {2, 0x80, 0xBF};
  if (lead == 0xF0) return {3, 0x90, 0xBF};
  if (lead < 0xF4) return {3, 0x80, 0xBF};
  if (lead == 0xF4) return {3, 0x80, 0x8F};
  return kInvalid;
}

// Skips ASCII eight bytes at a time: most prompts are mostly that.
std::size_t SkipAscii(absl::string_view text, std::size_t i) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::uint64_t word = 0;
  while (i + sizeof(word) <= text.size()) {
    std::memcpy(&word, text.data() + i, sizeof(word));
    if ((word & kHighBits) != 0) break;
    i += sizeof(word);
  }
  while (i < text.size() && static_cast<std::uint8_t>(text[i]) < 0x80) ++i;
  return i;
}

}  // namespace

bool IsValidUtf8(absl::string_view text) {
  for (std::size_t i = SkipAscii(text, 0); i < text.size(); i = SkipAscii(text, i)) {
    const Sequence sequence = SequenceOf(static_cast<std::uint8_t>(text[i]));
    if (sequence.continuations == 0 || text.size() - i <= sequence.continuations) return false;
    const auto first = static_cast<std::uint8_t>(text[i + 1]);
    if (first < sequence.first_min || first > sequence.first_max) return false;
    for (std::size_t k = 2; k <= sequence.continuations; ++k) {
      if ((static_cast<std::uint8_t>(text[i + k]) & 0xC0) != 0x80) return false;
    }
    i += sequence.continuations + 1;
  }
  return true;
}

}  // namespace pintle

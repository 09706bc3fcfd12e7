// SPDX-License-Identifier: Apache-2.0
#include "worker/text/seam/utf8.h"

#include <algorithm>
#include <cstdint>

namespace pintle::text {
namespace {

// The bytes that may follow a lead byte directly: overlong forms, surrogates and code points
// beyond U+10FFFF are excluded here, so that later bytes only need to be continuation bytes.
struct SecondByte {
  std::uint8_t low = 0x80;
  std::uint8_t high = 0xBF;
};

SecondByte SecondByteOf(std::uint8_t lead) {
  switch (lead) {
    case 0xE0: return {0xA0, 0xBF};
    case 0xED: return {0x80, 0x9F};
    case 0xF0: return {0x90, 0xBF};
    case 0xF4: return {0x80, 0x8F};
    default: return {};
  }
}

// 0 when no sequence starts with `lead`.
std::size_t SequenceBytes(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

}  // namespace

Utf8Unit FirstUtf8Unit(absl::string_view bytes) {
  const auto lead = static_cast<std::uint8_t>(bytes[0]);
  const std::size_t length = SequenceBytes(lead);
  if (length == 0) return {Utf8Kind::kBroken, 1};
  SecondByte allowed = SecondByteOf(lead);
  for (std::size_t i = 1; i < length; ++i) {
    if (i == bytes.size()) return {Utf8Kind::kIncomplete, i};
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if (byte < allowed.low || byte > allowed.high) return {Utf8Kind::kBroken, i};
    allowed = {};
  }
  return {Utf8Kind::kComplete, length};
}

bool IsValidUtf8(absl::string_view bytes) {
  while (!bytes.empty()) {
    const Utf8Unit unit = FirstUtf8Unit(bytes);
    if (unit.kind != Utf8Kind::kComplete) return false;
    bytes.remove_prefix(unit.bytes);
  }
  return true;
}

void DrainUtf8(std::string& pending, std::string& out) {
  absl::string_view rest = pending;
  while (!rest.empty()) {
    const Utf8Unit unit = FirstUtf8Unit(rest);
    if (unit.kind == Utf8Kind::kIncomplete) break;
    const absl::string_view piece =
        unit.kind == Utf8Kind::kComplete ? rest.substr(0, unit.bytes) : kReplacementCharacter;
    out.append(piece.data(), piece.size());
    rest.remove_prefix(unit.bytes);
  }
  pending.erase(0, pending.size() - rest.size());
}

}  // namespace pintle::text

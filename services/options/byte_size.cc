// SPDX-License-Identifier: Apache-2.0
#include "services/options/byte_size.h"

#include <array>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace pintle {
namespace {

struct Unit {
  absl::string_view name;
  std::int64_t bytes;
};
constexpr std::array<Unit, 5> kUnits = {
    Unit{"TiB", std::int64_t{1} << 40}, Unit{"GiB", std::int64_t{1} << 30},
    Unit{"MiB", std::int64_t{1} << 20}, Unit{"KiB", std::int64_t{1} << 10}, Unit{"B", 1}};
// 64 TiB: beyond any machine, and far from overflow.
constexpr double kBytesMax = 70368744177664.0;

}  // namespace

absl::StatusOr<std::int64_t> ParseByteSize(absl::string_view text) {
  const std::string given(text);
  absl::string_view number = absl::StripAsciiWhitespace(text);
  std::int64_t unit_bytes = 1;
  for (const Unit& unit : kUnits) {
    if (absl::ConsumeSuffix(&number, unit.name)) {
      unit_bytes = unit.bytes;
      break;
    }
  }
  double value = 0;
  if (!absl::SimpleAtod(absl::StripAsciiWhitespace(number), &value) || !std::isfinite(value) ||
      value < 0 || value * static_cast<double>(unit_bytes) > kBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", given, "' is no size: write a number with KiB, MiB, GiB or TiB, at most 64TiB"));
  }
  return static_cast<std::int64_t>(value * static_cast<double>(unit_bytes));
}

std::string FormatByteSize(std::int64_t bytes) {
  for (const Unit& unit : kUnits) {
    if (bytes < unit.bytes) continue;
    if (bytes % unit.bytes == 0) return absl::StrCat(bytes / unit.bytes, unit.name);
    return absl::StrFormat("%.2f%s", static_cast<double>(bytes) / static_cast<double>(unit.bytes),
                           unit.name);
  }
  return absl::StrCat(bytes, "B");
}

}  // namespace pintle

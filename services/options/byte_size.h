// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_OPTIONS_BYTE_SIZE_H_
#define PINTLE_SERVICES_OPTIONS_BYTE_SIZE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace pintle {

// "512MiB", "16GiB", "4096": bytes. Takes B, KiB, MiB, GiB, TiB and no others, because KB means two
// things. INVALID_ARGUMENT names the text and what is taken. A fraction ("1.5GiB") is rounded down.
absl::StatusOr<std::int64_t> ParseByteSize(absl::string_view text);

// The shortest exact or two-digit form with a binary unit, as people read it.
std::string FormatByteSize(std::int64_t bytes);

}  // namespace pintle

#endif  // PINTLE_SERVICES_OPTIONS_BYTE_SIZE_H_

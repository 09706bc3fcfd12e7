// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CONTRACT_UTF8_H_
#define PINTLE_CONTRACT_UTF8_H_

#include "absl/strings/string_view.h"

namespace pintle {

// Whether the text is well-formed UTF-8 as the Unicode standard defines it (table 3-7): no overlong
// forms, no surrogates, nothing above U+10FFFF, no cut sequence. Linear; allocates nothing.
bool IsValidUtf8(absl::string_view text);

}  // namespace pintle

#endif  // PINTLE_CONTRACT_UTF8_H_

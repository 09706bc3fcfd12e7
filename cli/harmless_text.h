// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_HARMLESS_TEXT_H_
#define PINTLE_CLI_HARMLESS_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace pintle {

// Text of a model or a server as a terminal may show it: everything a terminal would obey (ESC and
// the other control characters, C0, DEL and C1) is spelled out ("^[", "\x9b"), as are bytes that
// are no UTF-8, because some terminals obey those too. Line feeds and tabs stay.
std::string Harmless(absl::string_view text);
// The same for a cell of a table or a message of one line: line feeds and tabs are spelled out too.
std::string HarmlessLine(absl::string_view text);

}  // namespace pintle

#endif  // PINTLE_CLI_HARMLESS_TEXT_H_

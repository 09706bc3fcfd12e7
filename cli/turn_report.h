// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_TURN_REPORT_H_
#define PINTLE_CLI_TURN_REPORT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "cli/turn_record.h"

namespace pintle {

// A finished turn as scripts read it: one JSON object, indented, without a line feed at its end.
// `text`, `token_ids` and `finish_reason` are choice 0's; `choices` is there when n > 1. The names
// are a promise (docs/cli.md).
std::string TurnJson(const TurnRecord& turn, absl::string_view session);

// The same as one line for people: TTFT, tokens a second, prompt and cached tokens, why it ended.
std::string TurnSummary(const TurnRecord& turn);

// "stop", "eos", "length", "cancelled"; "unknown" for a newer server's reason.
std::string ReasonWord(v1::FinishReason reason);

}  // namespace pintle

#endif  // PINTLE_CLI_TURN_REPORT_H_

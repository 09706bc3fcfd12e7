// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_CHAT_MESSAGES_H_
#define PINTLE_CLI_CHAT_MESSAGES_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "pintle/v1/chat.pb.h"

namespace pintle {

// Adds a message of one text part.
void AddMessage(absl::string_view role, absl::string_view text, v1::Chat& chat);

// A conversation in the JSON people have at hand: an array of messages, or an object {"messages",
// "tools", "template_arguments"}. A message is {"role", "content": text or a list of {"type":
// "text", "text"}, "tool_calls": [{"id", "function": {"name", "arguments"}}], "tool_call_id",
// "name"}. Fails: a usage error that names the flag and the place, never the content.
absl::StatusOr<v1::Chat> ParseMessages(absl::string_view flag, absl::string_view json);

}  // namespace pintle

#endif  // PINTLE_CLI_CHAT_MESSAGES_H_

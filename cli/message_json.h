// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_CLI_MESSAGE_JSON_H_
#define PINTLE_CLI_MESSAGE_JSON_H_

#include <string>

#include "absl/status/statusor.h"

namespace google::protobuf {
class Message;
}

namespace pintle {

// The proto3 JSON mapping of a response, indented: names in lowerCamelCase, 64-bit integers as
// text, enums by name; fields without a value of their own ("optional") are left out when unset,
// all others are always there. INTERNAL for a value that has no JSON form, such as a time after the
// year 9999.
absl::StatusOr<std::string> MessageJson(const google::protobuf::Message& message);

}  // namespace pintle

#endif  // PINTLE_CLI_MESSAGE_JSON_H_

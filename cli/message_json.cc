// SPDX-License-Identifier: Apache-2.0
#include "cli/message_json.h"

#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include "absl/strings/ascii.h"

namespace pintle {

absl::StatusOr<std::string> MessageJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options).ok()) {
    return absl::InternalError("the answer holds a value that has no JSON form");
  }
  absl::StripTrailingAsciiWhitespace(&json);
  return json;
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "tests/proto/wire_compatibility.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace pintle::testing {
namespace {

using google::protobuf::DescriptorProto;
using google::protobuf::EnumDescriptorProto;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorSet;

// Every name of a set that a peer may rely on, with what it relies on.
using Promises = std::map<std::string, std::string>;

// Presence is part of the promise: a field that leaves its oneof no longer excludes its siblings.
std::string Shape(const DescriptorProto& message, const FieldDescriptorProto& field) {
  std::string oneof;
  if (field.has_oneof_index()) oneof = message.oneof_decl(field.oneof_index()).name();
  return absl::StrCat("number ", field.number(), " type ", static_cast<int>(field.type()), " ",
                      field.type_name(), " label ", static_cast<int>(field.label()), " oneof ",
                      oneof);
}

void AddEnum(const std::string& scope, const EnumDescriptorProto& type, Promises& out) {
  for (const auto& value : type.value()) {
    out[absl::StrCat("enum value ", scope, ".", type.name(), ".", value.name())] =
        absl::StrCat("number ", value.number());
  }
}

void AddMessage(const std::string& scope, const DescriptorProto& type, Promises& out) {
  const std::string name = absl::StrCat(scope, ".", type.name());
  out[absl::StrCat("message ", name)] = "exists";
  for (const auto& field : type.field()) {
    out[absl::StrCat("field ", name, ".", field.name())] = Shape(type, field);
  }
  for (const auto& nested : type.nested_type()) AddMessage(name, nested, out);
  for (const auto& nested : type.enum_type()) AddEnum(name, nested, out);
}

Promises PromisesOf(const FileDescriptorSet& set) {
  Promises out;
  for (const auto& file : set.file()) {
    if (!absl::StartsWith(file.package(), "pintle.")) continue;
    for (const auto& type : file.message_type()) AddMessage(file.package(), type, out);
    for (const auto& type : file.enum_type()) AddEnum(file.package(), type, out);
    for (const auto& service : file.service()) {
      for (const auto& method : service.method()) {
        out[absl::StrCat("rpc ", file.package(), ".", service.name(), ".", method.name())] =
            absl::StrCat(method.client_streaming() ? "stream " : "", method.input_type(), " to ",
                         method.server_streaming() ? "stream " : "", method.output_type());
      }
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> WireBreaks(const FileDescriptorSet& promised,
                                    const FileDescriptorSet& now) {
  const Promises today = PromisesOf(now);
  std::vector<std::string> breaks;
  for (const auto& [name, shape] : PromisesOf(promised)) {
    const auto found = today.find(name);
    if (found == today.end()) {
      breaks.push_back(absl::StrCat(name, " is gone"));
    } else if (found->second != shape) {
      breaks.push_back(absl::StrCat(name, " was ", shape, " and is ", found->second));
    }
  }
  return breaks;
}

}  // namespace pintle::testing

// SPDX-License-Identifier: Apache-2.0
#include "services/wire/read_mask.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "contract/errors.h"

namespace pintle {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using Path = std::vector<std::string>;

// More than the response has fields: a longer list only costs time.
constexpr int kPathsMax = 64;

bool IsField(const Path& path, const Descriptor* message) {
  for (const std::string& name : path) {
    if (message == nullptr) return false;
    const FieldDescriptor* field = message->FindFieldByName(name);
    if (field == nullptr) return false;
    message = field->message_type();
  }
  return true;
}

// `paths` begin at `message`; one that ends here wants all of it.
void Keep(const std::vector<Path>& paths, std::size_t depth, Message* message) {
  const auto* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    std::vector<Path> below;
    bool whole = false;
    for (const Path& path : paths) {
      if (path[depth] != field->name()) continue;
      below.push_back(path);
      whole = whole || path.size() == depth + 1;
    }
    if (below.empty()) {
      reflection->ClearField(message, field);
    } else if (!whole && field->is_repeated()) {
      for (int i = 0; i < reflection->FieldSize(*message, field); ++i) {
        Keep(below, depth + 1, reflection->MutableRepeatedMessage(message, field, i));
      }
    } else if (!whole) {
      Keep(below, depth + 1, reflection->MutableMessage(message, field));
    }
  }
}

}  // namespace

absl::Status ValidateReadMask(const FieldMask& mask, const Descriptor& message) {
  if (mask.paths_size() > kPathsMax) {
    return InvalidField("read_mask",
                        absl::StrCat("has ", mask.paths_size(), " paths, limit ", kPathsMax));
  }
  for (const std::string& path : mask.paths()) {
    // The path is the caller's own text and may be anything: it is not repeated.
    if (!IsField(absl::StrSplit(path, '.'), &message)) {
      return InvalidField("read_mask", "names a field that the response does not have");
    }
  }
  return absl::OkStatus();
}

void ApplyReadMask(const FieldMask& mask, Message* message) {
  if (mask.paths().empty()) return;
  std::vector<Path> paths;
  for (const std::string& path : mask.paths()) paths.push_back(absl::StrSplit(path, '.'));
  Keep(paths, 0, message);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "sessions/archive_checksum.h"

#include <xxhash.h>

namespace pintle {

std::uint64_t PortionChecksum(absl::string_view data) {
  return XXH3_64bits(data.data(), data.size());
}

void ArchiveChecksum::AddBytes(absl::string_view bytes) {
  AddNumber(bytes.size());
  value_ = XXH3_64bits_withSeed(bytes.data(), bytes.size(), value_);
}

void ArchiveChecksum::AddNumber(std::uint64_t number) {
  unsigned char bytes[8];
  for (int i = 0; i < 8; ++i) bytes[i] = static_cast<unsigned char>(number >> (8 * i));
  value_ = XXH3_64bits_withSeed(bytes, sizeof(bytes), value_);
}

void ArchiveChecksum::Add(const ArchiveHeader& header) {
  AddNumber(static_cast<std::uint64_t>(header.version));
  AddBytes(header.session);
  AddBytes(header.model);
  AddBytes(header.shape.fingerprint);
  AddBytes(header.shape.dtype);
  for (const std::int32_t number :
       {header.shape.layers, header.shape.kv_heads, header.shape.head_dim,
        header.shape.element_bytes, header.turns, header.position, header.kv_tokens}) {
    AddNumber(static_cast<std::uint64_t>(number));
  }
  AddNumber(static_cast<std::uint64_t>(absl::ToUnixNanos(header.template_clock)));
  AddNumber(static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(header.lease)));
  for (const auto& [name, value] : header.labels) {
    AddBytes(name);
    AddBytes(value);
  }
  Add(header.pin);
}

void ArchiveChecksum::Add(const Pin& pin) {
  if (pin.kind == PinKind::kBestEffort) return;
  AddNumber(static_cast<std::uint64_t>(pin.kind));
  AddNumber(pin.resident ? 1 : 0);
  // What does not belong to the kind is nobody's, and does not travel.
  if (pin.kind == PinKind::kGuaranteed) {
    return AddNumber(static_cast<std::uint64_t>(pin.budget_tokens));
  }
  AddNumber(static_cast<std::uint64_t>(pin.priority));
  AddNumber(static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(pin.ttl)));
  for (const PinRange& range : pin.ranges) {
    AddNumber(static_cast<std::uint64_t>(range.from));
    AddNumber(static_cast<std::uint64_t>(range.to));
    AddNumber(static_cast<std::uint64_t>(range.priority));
    AddNumber(static_cast<std::uint64_t>(absl::ToInt64Nanoseconds(range.ttl)));
  }
}

void ArchiveChecksum::Add(const TranscriptTurn& turn) {
  for (const Message& message : turn.messages) {
    for (const std::string* text :
         {&message.role, &message.text, &message.tool_call_id, &message.name}) {
      AddBytes(*text);
    }
    for (const ToolCall& call : message.tool_calls) {
      AddBytes(call.id);
      AddBytes(call.name);
      AddBytes(call.arguments_json);
    }
  }
  AddNumber(ExtendTranscriptDigest(kEmptyTranscriptDigest, turn.tokens));
  AddNumber(static_cast<std::uint64_t>(turn.output_tokens));
  AddNumber(turn.closed ? 1 : 0);
  AddBytes(turn.tools_json);
  AddBytes(turn.template_arguments_json);
}

void ArchiveChecksum::Add(const KvPortion& portion) {
  AddNumber(static_cast<std::uint64_t>(portion.first));
  AddNumber(static_cast<std::uint64_t>(portion.tokens));
  AddNumber(portion.checksum);
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/archive_conversion.h"

#include <utility>
#include <variant>

#include "contract/errors.h"
#include "contract/status_macros.h"
#include "services/wire/message_conversion.h"
#include "services/wire/pin_conversion.h"
#include "services/wire/session_kv_conversion.h"
#include "services/wire/time_conversion.h"

namespace pintle {
namespace {

void Fill(const ArchiveHeader& header, v1::ArchiveHeader* out) {
  out->set_version(header.version);
  out->set_session(header.session);
  out->set_model(header.model);
  ToProto(header.shape, out->mutable_shape());
  ToProto(header.template_clock, out->mutable_template_clock());
  ToProto(header.lease, out->mutable_lease());
  ToProto(header.pin, out->mutable_pin());
  out->mutable_labels()->insert(header.labels.begin(), header.labels.end());
  out->set_turns(header.turns);
  out->set_position(header.position);
  out->set_kv_tokens(header.kv_tokens);
  out->set_kv_bytes(header.kv_tokens * header.shape.BytesPerToken());
}

absl::StatusOr<ArchiveHeader> HeaderOf(const v1::ArchiveHeader& header) {
  ArchiveHeader out;
  PINTLE_ASSIGN_OR_RETURN(out.pin, FromProto(header.pin()));
  out.version = header.version();
  out.session = header.session();
  out.model = header.model();
  out.shape = FromProto(header.shape());
  out.template_clock = FromProto(header.template_clock());
  out.lease = FromProto(header.lease());
  out.labels.insert(header.labels().begin(), header.labels().end());
  out.turns = header.turns();
  out.position = header.position();
  out.kv_tokens = header.kv_tokens();
  return out;
}

}  // namespace

void ToProto(ArchivePart part, v1::ArchivePart* out) {
  if (const auto* header = std::get_if<ArchiveHeader>(&part)) {
    Fill(*header, out->mutable_header());
  } else if (const auto* turn = std::get_if<TranscriptTurn>(&part)) {
    ToProto(*turn, out->mutable_turn());
  } else if (auto* portion = std::get_if<KvPortion>(&part)) {
    ToProto(std::move(*portion), out->mutable_kv());
  } else {
    const auto& trailer = std::get<ArchiveTrailer>(part);
    out->mutable_trailer()->set_portions(trailer.portions);
    out->mutable_trailer()->set_kv_bytes(trailer.kv_bytes);
    out->mutable_trailer()->set_checksum(trailer.checksum);
  }
}

absl::StatusOr<ArchivePart> FromProto(v1::ArchivePart part) {
  switch (part.part_case()) {
    case v1::ArchivePart::kHeader: {
      PINTLE_ASSIGN_OR_RETURN(ArchiveHeader header, HeaderOf(part.header()));
      return ArchivePart(std::move(header));
    }
    case v1::ArchivePart::kTurn: {
      PINTLE_ASSIGN_OR_RETURN(TranscriptTurn turn, FromProto(part.turn()));
      return ArchivePart(std::move(turn));
    }
    case v1::ArchivePart::kKv: return ArchivePart(FromProto(std::move(*part.mutable_kv())));
    case v1::ArchivePart::kTrailer:
      return ArchivePart(ArchiveTrailer{part.trailer().portions(), part.trailer().kv_bytes(),
                                        part.trailer().checksum()});
    default: return InvalidField("part", "must be set");
  }
}

}  // namespace pintle

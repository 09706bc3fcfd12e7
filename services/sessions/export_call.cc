// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/export_call.h"

#include <utility>

#include "services/sessions/archive_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {

void ExportCall::Begin(absl::StatusOr<std::shared_ptr<SessionExport>> opened) {
  if (!opened.ok()) return Finish(ToGrpcStatus(opened.status()));
  export_ = *std::move(opened);
  Ask();
}

void ExportCall::Ask() {
  export_->Next(
      [this](absl::StatusOr<std::optional<ArchivePart>> part) { Take(std::move(part)); });
}

void ExportCall::Take(absl::StatusOr<std::optional<ArchivePart>> part) {
  if (!part.ok()) return Finish(ToGrpcStatus(part.status()));
  if (!part->has_value()) return Finish(grpc::Status::OK);
  response_.Clear();
  ToProto(**std::move(part), response_.mutable_part());
  StartWrite(&response_);
}

void ExportCall::OnWriteDone(bool ok) {
  // The reader went away; what was opened is closed with the archive.
  if (!ok) return Finish(grpc::Status::CANCELLED);
  Ask();
}

}  // namespace pintle

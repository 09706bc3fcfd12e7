// SPDX-License-Identifier: Apache-2.0
#include "services/sessions/import_call.h"

#include <utility>

#include "contract/errors.h"
#include "services/sessions/archive_conversion.h"
#include "services/wire/status_conversion.h"

namespace pintle {

ImportCall::ImportCall(grpc::CallbackServerContext& context, Make make, Fill fill)
    : context_(context), make_(std::move(make)), fill_(std::move(fill)) {
  StartRead(&request_);
}

void ImportCall::End(const absl::Status& status) {
  // Before the caller hears of it: an import that failed has left nothing.
  import_.reset();
  Finish(ToGrpcStatus(status));
}

void ImportCall::OnReadDone(bool ok) {
  if (ok) {
    if (import_ == nullptr) {
      absl::StatusOr<std::shared_ptr<SessionImport>> made = make_(request_);
      if (!made.ok()) return End(made.status());
      import_ = *std::move(made);
    }
    absl::StatusOr<ArchivePart> part = FromProto(std::move(*request_.mutable_part()));
    request_.Clear();
    if (!part.ok()) return End(part.status());
    import_->Accept(*std::move(part), [this](const absl::Status& status) {
      if (!status.ok()) return End(status);
      StartRead(&request_);
    });
    return;
  }
  if (context_.IsCancelled()) return End(absl::CancelledError("the caller went away"));
  if (import_ == nullptr) return End(InvalidField("part", "must be set"));
  import_->Finish([this](const absl::StatusOr<SessionImport::Result>& result) {
    End(result.ok() ? fill_(*result) : result.status());
  });
}

}  // namespace pintle

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_EXPORT_CALL_H_
#define PINTLE_SERVICES_SESSIONS_EXPORT_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <memory>
#include <optional>

#include "absl/status/statusor.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "sessions/session_export.h"

namespace pintle {

// One ExportSession call: the archive is pulled as fast as its reader reads.
//
//   opening -> (part asked) -> writing -> (part asked) -> ... -> finishing --OnDone--> (deleted)
//
// Thread: gRPC's and the worker's, one at a time. Owns itself until OnDone, which comes only after
// Finish, which comes only after what was asked for has been answered.
class ExportCall final : public grpc::ServerWriteReactor<v1::ExportSessionResponse> {
 public:
  // The archive, or why there is none. Call it once.
  void Begin(absl::StatusOr<std::shared_ptr<SessionExport>> opened);

  void OnWriteDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void Ask();
  void Take(absl::StatusOr<std::optional<ArchivePart>> part);

  std::shared_ptr<SessionExport> export_;
  v1::ExportSessionResponse response_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_EXPORT_CALL_H_

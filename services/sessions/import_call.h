// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_SESSIONS_IMPORT_CALL_H_
#define PINTLE_SERVICES_SESSIONS_IMPORT_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "pintle/v1/sessions.grpc.pb.h"
#include "sessions/session_import.h"

namespace pintle {

// One ImportSession call: each part is read when the one before has been taken.
//
//   reading -> accepting -> reading -> ... -> (half close) -> keeping -> finishing --OnDone-->
//
// Thread: gRPC's and the worker's, one at a time. Owns itself until OnDone, which comes only after
// Finish, which comes only after what was asked for has been answered. A call that breaks off
// leaves nothing.
class ImportCall final : public grpc::ServerReadReactor<v1::ImportSessionRequest> {
 public:
  // Makes the import once the first message is there; fills the response once it is done.
  using Make = std::function<absl::StatusOr<std::shared_ptr<SessionImport>>(
      const v1::ImportSessionRequest& first)>;
  using Fill = std::function<absl::Status(const SessionImport::Result& result)>;

  ImportCall(grpc::CallbackServerContext& context, Make make, Fill fill);

  void OnReadDone(bool ok) override;
  void OnDone() override { delete this; }

 private:
  void End(const absl::Status& status);

  grpc::CallbackServerContext& context_;
  const Make make_;
  const Fill fill_;
  std::shared_ptr<SessionImport> import_;
  v1::ImportSessionRequest request_;
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_SESSIONS_IMPORT_CALL_H_

// SPDX-License-Identifier: Apache-2.0
#ifndef PINTLE_SERVICES_TURNS_REFUSED_CALL_H_
#define PINTLE_SERVICES_TURNS_REFUSED_CALL_H_

#include <grpcpp/support/server_callback.h>

#include "absl/status/status.h"
#include "services/wire/status_conversion.h"

namespace pintle {

// A streaming call that ends with a status before anything is read or written:
//
//   begin --> finishing --OnDone--> (deleted)
//
// Reactor is grpc::ServerWriteReactor<Response> or grpc::ServerReadReactor<Request>.
// Thread: gRPC's. Owns itself until OnDone.
template <typename Reactor>
class RefusedCall final : public Reactor {
 public:
  explicit RefusedCall(const absl::Status& status) { this->Finish(ToGrpcStatus(status)); }
  void OnDone() override { delete this; }
};

}  // namespace pintle

#endif  // PINTLE_SERVICES_TURNS_REFUSED_CALL_H_
